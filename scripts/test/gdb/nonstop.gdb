# SPDX-License-Identifier: GPL-2.0
# Non-stop mode: gdb steps over a copy of the instruction (displaced stepping).
set pagination off
set non-stop on
set displaced-stepping on
set args calls
break *before_syscall
run
#= Breakpoint 1, 
stepi
print $rip == (long)&after_syscall
#= = 1$
print $rax == (long)getppid()
#= = 1$
# Off the breakpoint, by continuing.
set $rip = (long)&by_syscall
set $rdi = 39
continue
#= Breakpoint 1, 
tbreak *after_syscall
continue
#= Temporary breakpoint 2, 
print $rax == (long)getpid()
#= = 1$
delete
continue
#= exited normally
