"""rosbag2 folders: written without waiting, read whatever their storage."""
