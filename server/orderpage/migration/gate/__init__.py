"""How far each ramp may go: what both stacks did is counted and weighed, and a ramp is moved, held or tripped."""
