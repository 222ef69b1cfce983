"""Long work: folders that resume, logs, pools of processes, progress."""
