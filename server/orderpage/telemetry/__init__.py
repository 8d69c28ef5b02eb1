"""What operators see of requests. Nothing here may slow or fail one."""
