"""The noise and the holes of the simulated depth camera."""

import numpy as np
import pytest

from asymformer_ros.simulation import Intrinsics, add_sensor_noise, random_view

CAMERA = Intrinsics().scaled(160, 120)


def _wall(metres):
    return np.full((120, 160), metres, dtype=np.float32)


def _sense(depth, seed=0, **options):
    return add_sensor_noise(depth, np.random.default_rng(seed), CAMERA, **options)


def test_without_noise_every_pixel_has_an_exact_reading():
    exact = random_view(11, CAMERA, sensor_noise=False)
    sensed = random_view(11, CAMERA, sensor_noise=True)
    assert np.isfinite(exact.depth_m).all()
    assert np.array_equal(exact.labels, sensed.labels)
    read = np.isfinite(sensed.depth_m)
    assert 0.5 < read.mean() < 0.999
    assert np.abs(sensed.depth_m - exact.depth_m)[read].max() < 0.5


def test_noise_grows_with_the_square_of_the_distance():
    spread = [np.nanstd(_sense(_wall(z))) for z in (1.0, 2.4, 4.4)]
    expected = [0.0012 + 0.0019 * (z - 0.4) ** 2 for z in (1.0, 2.4, 4.4)]
    assert spread == pytest.approx(expected, rel=0.1)


def test_readings_are_whole_millimetres():
    read = _sense(_wall(2.0))
    millimetres = read[np.isfinite(read)].astype(np.float64) * 1000
    assert millimetres == pytest.approx(np.rint(millimetres), abs=1e-3)


@pytest.mark.parametrize("metres", [0.2, 9.0])
def test_what_is_too_near_or_too_far_has_no_reading(metres):
    assert np.isnan(_sense(_wall(metres))).all()


def test_a_near_object_throws_a_shadow_of_holes_to_its_left_only():
    depth = _wall(3.0)
    depth[30:90, 80:120] = 1.0
    holes = np.isnan(_sense(depth))
    # Disparity of the object less that of the wall, pixels: f * 0.075 m * (1 - 1/3).
    shadow = round(CAMERA.fx * 0.075 * 2 / 3)
    assert holes[40:80, 80 - shadow + 2 : 80].mean() > 0.95
    assert holes[40:80, 122:140].mean() < 0.05
    assert holes[:20].mean() < 0.05


def test_absorbing_surfaces_lose_readings_in_proportion():
    lost = [
        np.isnan(_sense(_wall(2.0), absorption=np.full((120, 160), a, dtype=np.float32))).mean()
        for a in (0.0, 0.4, 0.9)
    ]
    assert lost[0] < 0.01
    assert lost[0] < lost[1] < lost[2]
    assert lost[2] > 0.7


def test_missing_readings_stay_missing():
    depth = _wall(2.0)
    depth[10:20] = np.nan
    assert np.isnan(_sense(depth)[10:20]).all()
