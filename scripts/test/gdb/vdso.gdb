# SPDX-License-Identifier: GPL-2.0
# Into the vDSO: breakpoints, steps, backtraces, and back.
set args clocks
break clocks
run
break __vdso_clock_gettime
#= ^Breakpoint 2 at 0x7f
continue
#= ^Breakpoint 2, 0x00007f[0-9a-f]+ in clock_gettime \(\)
backtrace
#= ^#0  0x00007f[0-9a-f]+ in clock_gettime \(\)
#= in (__)?clock_gettime.* \(.*\) from /lib.*/libc\.so\.6
#= in clocks \(\) at \./target\.c
#= in main \(
set $here = $rip
stepi
print $rip != $here && $rip - $here < 16
#= = 1$
stepi 8
print $rip - $here < 0x1000 || $here - $rip < 0x1000
#= = 1$
finish
#= libc\.so\.6
print $rax
#= = 0$
finish
#= in clocks \(\)|clocks \(\) at
next
next
print result
#= = 1$
continue
#= exited normally
