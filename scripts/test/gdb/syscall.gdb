# SPDX-License-Identifier: GPL-2.0
# Single steps across SYSCALL, and what they leave in the registers.
set args calls
tbreak *before_syscall
run
#= ^Temporary breakpoint 1, 
set $before_rsp = $rsp
set $rbx_before = $rbx
set $rbx = 0x1122334455667788
set $r12 = -5
display/i $pc
stepi
#= => 0x[0-9a-f]+ <by_syscall\+14>:	nop$
print $rax == (long)getppid()
#= = 1$
print $rcx == (long)&after_syscall
#= = 1$
print $rsp == $before_rsp && $rbx == 0x1122334455667788 && $r12 == -5
#= = 1$
p/x $eflags & 0x100
#= = 0x0$
p/x $cs
#= = 0x33$
set $rbx = $rbx_before
stepi
#= => 0x[0-9a-f]+ <by_syscall\+15>:	ret
# A number that there is not.
set $rip = (long)&before_syscall
set $rax = 1000
stepi
#= <by_syscall\+14>
print $rax
#= = -38$
# With a breakpoint on it, and with one behind it.
set $rip = (long)&by_syscall
set $rdi = 39
tbreak *before_syscall
continue
#= ^Temporary breakpoint 2, 
break *before_syscall
stepi
#= <by_syscall\+14>
print $rax == (long)getpid()
#= = 1$
set $rip = (long)&by_syscall
set $rdi = 110
continue
#= ^Breakpoint 3, 
tbreak *after_syscall
continue
#= ^Temporary breakpoint 4, 
print $rax == (long)getppid()
#= = 1$
delete
finish
next
#= by_call
next
print parent == (long)getppid()
#= = 1$
continue
#= exited normally
