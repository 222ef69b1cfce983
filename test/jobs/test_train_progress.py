from simdist_ros.jobs.train_progress import TrainLog


def test_what_is_no_step_counts_neither_as_one_nor_as_time_of_one(tmp_path):
    time, lines = [0.0], []
    log = TrainLog(tmp_path, 0, 100, lines.append, stage='imitate', clock=lambda: time[0])
    with log.aside():
        time[0] += 1000.0
    log.tick(1, 8, dict)
    assert lines == []  # no time has passed in which to be silent
    log.to_come_s = 60.0
    time[0] += 20.0
    log.tick(40, 8, dict)
    log.close()
    assert lines == ['imitate: step 40 of 100, 16 windows/s, 2 min left; ']
