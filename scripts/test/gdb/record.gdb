# SPDX-License-Identifier: GPL-2.0
# Recording a run with a system call in it, and going back.
set args calls
break *by_syscall
run
#= ^Breakpoint 1, 
set $before_rax = $rax
record full
tbreak *after_syscall
continue
#= ^Temporary breakpoint 2, 
set $after_rax = $rax
reverse-stepi
print $rip == (long)&before_syscall
#= = 1$
stepi
print $rip == (long)&after_syscall && $rax == $after_rax
#= = 1$
reverse-continue
print $rip == (long)&by_syscall && $rax == $before_rax
#= = 1$
record stop
#= ^Process record is stopped
