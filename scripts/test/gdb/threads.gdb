# SPDX-License-Identifier: GPL-2.0
# Threads: each stops, each can be looked at; watchpoints are in all of them.
set args threads
break in_thread
run
#= ^Thread 2 "target" hit Breakpoint 1, in_thread \(n=1\)
continue
#= ^Thread 3 "target" hit Breakpoint 1, in_thread \(n=2\)
delete
watch watched
continue
#= ^Thread 3 "target" hit Hardware watchpoint 2: watched
#= ^New value = 102$
continue
#= ^Thread 4 "target" hit Hardware watchpoint 2: watched
#= ^New value = 103$
delete
break together
continue
#= ^Thread 1 "target" hit Breakpoint 3, together \(\)
info threads
#= ^\* 1 +Thread 0x7f.* together \(\) at \./target\.c
#= ^  2 +Thread 0x7f
#= ^  3 +Thread 0x7f
#= ^  4 +Thread 0x7f
thread apply 2 3 4 backtrace
#= ^Thread 2 
#= in thread \(arg=0x1\) at \./target\.c
#= ^Thread 3 
#= in thread \(arg=0x2\) at \./target\.c
#= ^Thread 4 
#= in thread \(arg=0x3\) at \./target\.c
# One of those that sleep in the kernel is let run alone a step, by a call.
thread 3
set scheduler-locking on
print square(9)
#= = 81$
print (int)syscall(186) == $_gthread || (int)syscall(186) > 1
#= = 1$
set scheduler-locking off
thread 1
continue
#= exited normally
