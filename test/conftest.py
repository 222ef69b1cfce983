"""What every test runs in: a quiet ROS domain of its own, no screen, no leftovers."""

import os
import sys
import tempfile

# Before rclpy, mujoco or matplotlib are imported by any test, and for the processes they start.
os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
os.environ.setdefault('ROS_DOMAIN_ID', str(1 + os.getpid() % 100))
LOG_FOLDER = tempfile.TemporaryDirectory(prefix='simdist_ros_log_')  # removed at the end
os.environ.setdefault('ROS_LOG_DIR', LOG_FOLDER.name)
os.environ.setdefault('MPLBACKEND', 'Agg')
if not os.environ.get('DISPLAY'):
    os.environ.setdefault('MUJOCO_GL', 'egl')

# The wheels' own share folder is found through this prefix; a sourced ROS has set its own.
prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
if sys.prefix not in prefixes:
    os.environ['AMENT_PREFIX_PATH'] = os.pathsep.join(filter(None, [*prefixes, sys.prefix]))
