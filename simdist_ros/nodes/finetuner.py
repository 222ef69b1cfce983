"""Node that adapts the planner's model while it walks, in a process of its own."""

from __future__ import annotations

import os
import shlex
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.node import Node
from std_srvs.srv import Trigger

from simdist_ros.adaptation.background_training import BackgroundTraining
from simdist_ros.adaptation.commands import REFUSED
from simdist_ros.adaptation.ending import Ending, EndSettings
from simdist_ros.adaptation.progress_lines import Quarters
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings, NominalSettings
from simdist_ros.adaptation.triggers import Triggers, TriggerSettings
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.folder_lock import lock_folder
from simdist_ros.messages.to_messages import diagnostics
from simdist_ros.messages.topic_names import FOLLOWING
from simdist_ros.messages.topics import SUPERVISOR_TICK
from simdist_ros.nodes.hand_over import HandOver
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RECORDED, RELIABLE
from simdist_ros.nodes.runtime import Stop, run
from simdist_ros.transitions.assembly import AssemblySettings, tick_mode
from simdist_ros.world_model.store.checkpoint import find_model
from simdist_ros.world_model.store.manifest import MANIFEST, read_manifest

NICENESS = 10
CHECK_S = 0.2
DIAGNOSTICS_EVERY = 5  # checks
ACCEPTED = 0


@dataclass(frozen=True, kw_only=True)
class FinetunerSettings(Settings):
    """Training data, and where the results go."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    bag: str = setting('', 'Folder of the bag that is being recorded.')
    model: str = setting('', 'Model to adapt, until the planner says which one it runs.')
    folder: str = setting('', 'Folder for the adapted models, those that were refused too.')
    rehearsal: str = setting(
        '',
        'Folder of pretraining transitions to learn again; empty: trials in the nominal world.',
    )
    low_priority: bool = setting(
        True,
        'Train in the time that no other process wants; false shares it fairly, where nothing '
        'runs against the wall clock (lockstep).',
    )
    longest_training_s: float = setting(
        3600.0,
        'Wall time after which a training is ended and counts as failed; 0: never.',
        unit='s',
        low=0.0,
    )


class FinetunerNode(Node):
    """Follows the walk, trains when it is time, and asks the planner to use what was accepted."""

    def __init__(self) -> None:
        """Hold the folder and listen."""
        super().__init__('finetuner')
        self.settings = declare(self, FinetunerSettings)
        self.chosen: dict[str, Settings] = {
            'finetune': declare(self, FinetuneSettings, 'finetune.'),
            'gate': declare(self, GateSettings, 'gate.'),
            'bags': declare(self, AssemblySettings, 'bags.'),
            'nominal': declare(self, NominalSettings, 'nominal.'),
        }
        triggers = declare(self, TriggerSettings, 'trigger.')
        ending = declare(self, EndSettings, 'end.')
        refuse_unknown(self)
        for name in ('bag', 'model', 'folder'):
            if not getattr(self.settings, name):
                raise ConfigError(f'parameter {name!r} of node finetuner is empty; set it')
        period_s = load_robot(self.settings.robot, self.settings.task).period_s
        self.triggers = Triggers(triggers, period_s)
        self.ending = Ending(ending, period_s)
        self.heard_lines = 0  # of the training that runs
        self.quarters = Quarters()
        parent = find_model(self.settings.model).resolve()
        self.name = parent.name
        self.hand_over = HandOver(self, parent, self.ending, self.say)
        self.folder = Path(self.settings.folder).resolve()
        self.held = ExitStack()
        self.held.enter_context(lock_folder(self.folder))
        self.training: BackgroundTraining | None = None
        self.candidate = self.folder
        self.began = 0.0  # when the training began, by a steady clock [s]
        self.told, self.is_well = 'waiting', True
        self.counts = dict.fromkeys(('trainings', 'accepted', 'refused', 'failed'), 0)
        self.checks = 0
        self.open_topics()

    def open_topics(self) -> None:
        """Create publishers, subscriptions and services."""
        self.publisher = self.create_publisher(DiagnosticArray, '/diagnostics', RELIABLE)
        self.create_subscription(DiagnosticArray, SUPERVISOR_TICK, self.on_tick, RECORDED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self.on_diagnostics, RECORDED)
        self.create_service(Trigger, '~/finetune', self.on_finetune)
        self.create_timer(CHECK_S, self.check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    # Inputs

    def on_tick(self, message: DiagnosticArray) -> None:
        """Count the ticks at which plans were followed."""
        is_following = tick_mode(message) in FOLLOWING
        if is_following:
            self.triggers.note_following()
        self.ending.note_tick(is_following=is_following, is_busy=self.is_busy)

    def on_diagnostics(self, message: DiagnosticArray) -> None:
        """Learn from the planner which model it runs, and how well that predicts."""
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            if status.name == 'planner' and 'model_folder' in values:
                self.triggers.note_error(float(values.get('prediction_error', 'nan')))
                folder, num_swaps = Path(values['model_folder']), int(values['model_swaps'])
                self.hand_over.note_running(folder, num_swaps)

    def on_finetune(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Start now."""
        if self.training is not None:
            response.message = f'{self.candidate.name} is in training already; wait for it'
            return response
        self.start('asked for')
        response.success = self.training is not None
        response.message = self.told
        return response

    # Work

    @property
    def is_busy(self) -> bool:
        """Whether something is in training or on its way to the planner."""
        return self.training is not None or self.hand_over.is_busy

    def check(self) -> None:
        """See to the training and to the planner; start when it is time."""
        self.checks += 1
        if self.checks % DIAGNOSTICS_EVERY == 0:
            self.publish_diagnostics()
        if self.training is not None:
            self.follow(self.training)
        elif not self.is_busy and self.ending.trains_on and (reason := self.reason()):
            self.start(reason)  # from what the planner runs, so not while it changes
        self.hand_over.look()

    def reason(self) -> str:
        """Say why to train now; an empty text if there is no reason."""
        if self.ending.stands_still and self.triggers.walked_s:
            return 'no plans are followed any more, so from what there is'
        return self.triggers.reason()

    def start(self, reason: str) -> None:
        """Start to train on all that is in the bag by now."""
        self.triggers.restart()
        self.began = time.monotonic()
        number = 1
        while (self.folder / f'{self.name}_{number}' / MANIFEST).exists():
            number += 1
        self.candidate = self.folder / f'{self.name}_{number}'
        self.heard_lines, self.quarters = 0, Quarters()
        self.counts['trainings'] += 1
        self.ending.note_training()
        try:
            self.training = BackgroundTraining(
                self.arguments(), low_priority=self.settings.low_priority
            )
        except OSError as error:
            self.fail(f'the training cannot be started ({error.strerror})')
            return
        self.say(f'training {self.candidate.name} from {self.hand_over.parent.name}: {reason}')

    def follow(self, training: BackgroundTraining) -> None:
        """Tell how far a training is, and see whether it has ended or must be."""
        new, self.heard_lines = training.count - self.heard_lines, training.count
        for line in list(training.lines)[-new:] if new else []:
            if self.quarters.is_news(line):
                self.get_logger().info(f'  {self.candidate.name}: {line}')
        code = training.poll()
        longest = self.settings.longest_training_s
        if code is not None:
            self.finish(training, code)
        elif longest and time.monotonic() - self.began > longest:
            self.training = None
            training.end()
            said = training.last_line or 'nothing'
            self.fail(
                f'the training of {self.candidate.name} was ended after {longest:g} s '
                f'(longest_training_s); it said last: {said}'
            )

    def arguments(self) -> list[str]:
        """Return the arguments of ``simdist finetune``."""
        given = ['--bag', self.settings.bag, '--robot', self.settings.robot]
        given += ['--model', str(self.hand_over.parent), '--out', str(self.candidate)]
        if self.settings.rehearsal:
            given += ['--rehearsal', self.settings.rehearsal]
        for section, settings in self.chosen.items():
            usual = asdict(type(settings)())
            for name, value in asdict(settings).items():
                if value != usual[name]:
                    given += ['--set', f'{section}.{name}={value}']
        return given

    def finish(self, training: BackgroundTraining, code: int) -> None:
        """Take the verdict; only a candidate that was accepted goes on to the planner."""
        self.training = None
        if code not in (ACCEPTED, REFUSED):
            said = training.last_line or 'it said nothing'
            self.fail(f'{self.candidate.name} came to nothing, exit code {code}: {said}')
            return
        try:
            verdict = read_manifest(self.candidate).adaptation['verdict']
        except (SimdistError, KeyError) as error:
            self.fail(f'{self.candidate.name} cannot be read: {error}')
            return
        self.say(f'{self.candidate.name} {verdict["reason"]}')
        self.counts['accepted' if code == ACCEPTED else 'refused'] += 1
        if code == ACCEPTED:
            self.hand_over.offer(self.candidate, self.began)

    def fail(self, sentence: str) -> None:
        """Log and count a training that came to nothing."""
        self.counts['failed'] += 1
        self.say(sentence, well=False)

    def say(self, sentence: str, *, well: bool = True) -> None:
        """Log a sentence, and keep it for the diagnostics."""
        self.told, self.is_well = sentence, well
        if well:
            self.get_logger().info(sentence)
        else:
            self.get_logger().warning(sentence)

    def publish_diagnostics(self) -> None:
        """Publish what is being done and what came of it."""
        values: dict[str, Any] = {
            'state': 'waiting' if self.training is None else 'training',
            'progress': '' if self.training is None else self.training.last_line,
            'candidate': self.candidate.name if self.counts['trainings'] else '',
            'parent': self.hand_over.parent.name,
            'new_data_s': self.triggers.walked_s,
            **self.counts,
            'swaps': self.hand_over.num_swaps,
        }
        level = DiagnosticStatus.OK if self.is_well else DiagnosticStatus.WARN
        stamp = self.get_clock().now().to_msg()
        self.publisher.publish(diagnostics(stamp, 'finetuner', self.told, values, level))

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin, behind the processes that control, until there is enough."""
        if self.settings.low_priority:
            os.nice(NICENESS)
        while not stop.requested and not self.is_over:
            executor.spin_once(timeout_sec=0.1)
        return 0

    @property
    def is_over(self) -> bool:
        """Whether an end was asked for and is reached, or the robot walks no more."""
        has_new_data = bool(self.triggers.walked_s)
        return self.ending.is_over(is_busy=self.is_busy, has_new_data=has_new_data)

    def close(self) -> None:
        """End the training, and say how to repeat it; what was accepted stays."""
        if self.training is not None:
            command = shlex.join(['simdist', 'finetune', *self.arguments()])
            self.say(f'the training of {self.candidate.name} was dropped; repeat it: {command}')
            self.training.end()
        self.held.close()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(FinetunerNode, args)


if __name__ == '__main__':
    sys.exit(main())
