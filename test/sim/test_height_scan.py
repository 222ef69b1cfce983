import math

import numpy as np
import pytest

CELLS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.5], [2.0, -0.5]])


def test_on_level_ground_every_cell_is_the_height_of_the_base(simulate, go2):
    simulation = simulate()
    state = simulation.state()
    assert state.height_map.shape == (go2.height_map.size,)
    assert state.height_map == pytest.approx(simulation.true_state().position[2])


def test_it_looks_through_the_robot_and_its_payload(simulate):
    simulation = simulate(payload_kg=2.0)
    assert simulation.state().height_map.min() > 0.2


def test_on_a_slope_it_is_what_trigonometry_says(simulate):
    simulation = simulate(terrain='slope', slope_deg=10.0, level_start_m=0.5)
    heights = simulation.height_scan.scan(np.array([0.0, 0.0, 0.3]), 0.0, CELLS)
    rise = math.tan(math.radians(10.0))
    assert heights == pytest.approx([0.3, 0.3 - 0.5 * rise, 0.3, 0.3 - 1.5 * rise])


def test_downhill_it_grows(simulate):
    simulation = simulate(terrain='slope', slope_deg=-10.0, level_start_m=0.5)
    heights = simulation.height_scan.scan(np.array([0.0, 0.0, 0.3]), 0.0, CELLS)
    fall = math.tan(math.radians(10.0))
    assert heights == pytest.approx([0.3, 0.3 + 0.5 * fall, 0.3, 0.3 + 1.5 * fall])


def test_the_grid_turns_with_yaw(simulate):
    simulation = simulate(terrain='slope', slope_deg=10.0, level_start_m=0.5)
    scan = simulation.height_scan.scan
    ahead = scan(np.array([0.0, 0.0, 0.3]), 0.0, np.array([[1.0, 0.0]]))
    aside = scan(np.array([0.0, 0.0, 0.3]), math.pi / 2, np.array([[0.0, -1.0]]))
    assert aside == pytest.approx(ahead)
    behind = scan(np.array([0.0, 0.0, 0.3]), math.pi, np.array([[1.0, 0.0]]))
    assert behind == pytest.approx([0.3])


def test_cells_go_along_x_fastest(simulate, go2):
    simulation = simulate(terrain='slope', slope_deg=10.0, level_start_m=0.5)
    grid = simulation.state().height_map.reshape(go2.height_map.rows, go2.height_map.columns)
    assert np.ptp(grid, axis=0).max() < 0.02  # a row is a line across the slope's level lines
    assert grid[0, 0] - grid[0, -1] > 0.1


def test_on_bumps_it_is_the_field_between_its_points(simulate):
    simulation = simulate(terrain='rough', rough_height_m=0.1, rough_cell_m=0.1)
    field = simulation.model.hfield('bumps')
    points = field.nrow[0]
    bumps = 0.1 * np.asarray(field.data).reshape(points, points)  # row is y, column is x
    column, row = 170, 180
    at = np.array([[(column - 150) * 0.1, (row - 150) * 0.1]])
    heights = simulation.height_scan.scan(np.array([0.0, 0.0, 0.3]), 0.0, at)
    assert heights == pytest.approx([0.3 - bumps[row, column]], abs=1e-6)


def test_without_ground_a_cell_is_unknown(simulate):
    simulation = simulate(terrain='slope', slope_deg=5.0)
    heights = simulation.height_scan.scan(np.zeros(3), 0.0, np.array([[0.0, 200.0]]))
    assert np.isnan(heights).all()


def test_below_the_ground_depth_is_negative(simulate):
    assert simulate().height_scan.depth(0.0, 0.0, -0.1) == pytest.approx(-0.1)
