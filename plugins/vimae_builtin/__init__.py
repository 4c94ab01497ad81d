"""What vimae-bench is born with: every part of it enters by the entry points that strangers use."""
