# SPDX-License-Identifier: GPL-2.0
# kml only: a kernel without the option has no entry
# The same across the CALL to the entry.
set args calls
tbreak *before_call
run
#= ^Temporary breakpoint 1, 
print (long)entry < 0
#= = 1$
set $before_rsp = $rsp
set $rbx_before = $rbx
set $rbp_before = $rbp
set $rbx = 0x1122334455667788
set $r12 = -5
set $word = *(long *)$rsp
display/i $pc
stepi
#= => 0x[0-9a-f]+ <by_call\+18>:	nop$
print $rax == (long)getppid()
#= = 1$
print $rsp == $before_rsp && $rbx == 0x1122334455667788 && $r12 == -5 && $rbp == $rbp_before
#= = 1$
print *(long *)$rsp == $word
#= = 1$
p/x $eflags & 0x100
#= = 0x0$
p/x $cs
#= = 0x33$
set $rbx = $rbx_before
stepi
#= => 0x[0-9a-f]+ <by_call\+19>:	ret
set $rip = (long)&before_call
set $rax = 1000
stepi
#= <by_call\+18>
print $rax
#= = -38$
# nexti wants to come back from what it takes for a function.
set $rip = (long)&before_call
set $rax = 39
nexti
#= <by_call\+18>
print $rax == (long)getpid()
#= = 1$
# With a breakpoint behind it.
set $rip = (long)&before_call
set $rax = 39
tbreak *after_call
continue
#= ^Temporary breakpoint 2, 
print $rax == (long)getpid()
#= = 1$
# With a breakpoint on it. Left to itself, gdb steps off it by a copy of the CALL
# (displaced stepping), and then takes the place where the step ended for the
# target of the CALL.
set displaced-stepping off
set $rip = (long)&by_call
set $rdi = 110
break *before_call
continue
#= ^Breakpoint 3, 
stepi
#= <by_call\+18>
print $rax == (long)getppid() && *(long *)$rsp == $word
#= = 1$
set $rip = (long)&by_call
set $rdi = 110
continue
#= ^Breakpoint 3, 
tbreak *after_call
continue
#= ^Temporary breakpoint 4, 
print $rax == (long)getppid() && *(long *)$rsp == $word
#= = 1$
backtrace
#= ^#0  .* in by_call \(\)
#= in calls \(\) at \./target\.c
#= in main \(
delete
finish
next
print parent == (long)getppid()
#= = 1$
# A tracer sees it as a system call, and can change its result.
tbreak *by_call
run
#= ^Temporary breakpoint 5, 
set $ppid = (long)getppid()
catch syscall getppid
continue
#= ^Catchpoint 6 \(call to syscall getppid\), .* in by_call \(\)
print $rip == (long)&after_call && $orig_rax == 110 && $rax == -38
#= = 1$
continue
#= ^Catchpoint 6 \(returned from syscall getppid\), .* in by_call \(\)
print $rip == (long)&after_call && $rax == $ppid
#= = 1$
set $rax = 4712
finish
next
print parent
#= = 4712$
continue
#= exited normally
