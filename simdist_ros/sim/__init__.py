"""MuJoCo robots and worlds: the stand-in for a robot, a training environment, pictures of both."""
