"""Every decoder against what no provider should send, and against growing inputs."""
