# SPDX-License-Identifier: GPL-2.0
# A child and its parent, both held.
set args children
set detach-on-fork off
break child_work
tbreak waitpid
run
#= ^\[New inferior 2 \(process [0-9]+\)\]
#= Temporary breakpoint 2.* waitpid
info inferiors
#= ^\* 1 +process [0-9]+ .*/tests/target
#= ^  2 +process [0-9]+ .*/tests/target
inferior 2
continue
#= Thread 2.1 "target" hit Breakpoint 1(\.[0-9]+)?, child_work \(n=2\)
print total = 5
continue
#= ^\[Inferior 2 \(process [0-9]+\) exited with code 052\]
inferior 1
print total
#= = 0$
tbreak vfork
continue
#= Temporary breakpoint .* vfork
print result
#= = 42$
kill
