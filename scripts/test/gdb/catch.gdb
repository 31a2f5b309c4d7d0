# SPDX-License-Identifier: GPL-2.0
# System calls are caught on the way in and out, and given other results.
set args twice
break twice
run
catch syscall getppid
#= ^Catchpoint 2 \(syscall 'getppid' \[110\]\)
continue
#= ^Catchpoint 2 \(call to syscall getppid\), .*by_syscall \(\)
print $rip == (long)&after_syscall
#= = 1$
print $orig_rax
#= = 110$
continue
#= ^Catchpoint 2 \(returned from syscall getppid\), .*by_syscall \(\)
print $rax == parent
#= = 0$
set $real = $rax
# Another result, as a tracer can have it.
set $rax = 4711
continue
#= ^Catchpoint 2 \(call to syscall getppid\)
print parent
#= = 4711$
continue
#= ^Catchpoint 2 \(returned from syscall getppid\)
print $rax == $real
#= = 1$
delete
set $rax = 4712
finish
next
print parent
#= = 4712$
continue
#= exited normally
