# SPDX-License-Identifier: GPL-2.0
# Breakpoints of all kinds, steps by line, values, calls of functions.
set args loop
break main
run
#= ^Breakpoint 1, main \(argc=2, argv=0x7f[0-9a-f]+\) at \./target\.c
info registers cs ss
#= ^cs +0x33 +51
#= ^ss +0x2b +43
break work if n == 7
hbreak square if n == 8
tbreak loop
continue
#= ^Temporary breakpoint 4, loop \(\)
continue
#= ^Breakpoint 2, work \(n=7\)
backtrace
#= ^#0  work \(n=7\) at \./target\.c
#= ^#1  0x[0-9a-f]+ in loop \(\) at \./target\.c
#= ^#2  0x[0-9a-f]+ in main \(argc=2
print total
#= = 91$
next
print s
#= = 49$
finish
#= ^Value returned is \$[0-9]+ = 50$
print square(11)
#= = 121$
continue
#= ^Breakpoint 3, square \(n=8\)
print (int)getppid() == (int)getpid()
#= = 0$
delete
print total = 1000
continue
#= exited normally
