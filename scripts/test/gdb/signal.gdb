# SPDX-License-Identifier: GPL-2.0
# Single steps across a signal's delivery, into its handler and out of it by
# sigreturn; where the signal comes from a system call, and where from gdb.
set args signals
tbreak *before_syscall
run
#= ^Temporary breakpoint 1, 
# The step ends before the signal that the system call has sent.
handle SIGUSR1 nostop noprint pass
stepi
print $rip == (long)&after_syscall && handled == 0 && $rax == 0
#= = 1$
# Now gdb steps over the handler.
stepi
print $rip == (long)&after_syscall + 1 && handled == 10
#= = 1$
# Into it, by a breakpoint; what the backtrace finds there.
set $rip = (long)&before_syscall
set $rax = 62
break handler
continue
#= ^Breakpoint 2, handler \(sig=10\)
backtrace
#= ^#0  handler \(sig=10\)
#= ^#1  <signal handler called>$
#= ^#2  .* in by_syscall \(\)
#= in signals \(\) at \./target\.c
#= in main \(
frame 2
print $rip == (long)&after_syscall && $rax == 0
#= = 1$
p/x $cs
#= = 0x33$
frame 0
finish
#= ^<signal handler called>$
# mov $15, %rax; syscall
stepi
print $rax
#= = 15$
stepi
print $rip == (long)&after_syscall && handled == 20 && $rax == 0
#= = 1$
p/x $eflags & 0x100
#= = 0x0$
# Where the signal stops the program first, a step leads into the handler.
delete
set $rip = (long)&before_syscall
set $rax = 62
handle SIGUSR1 stop print pass
continue
#= ^Program received signal SIGUSR1
print $rip == (long)&after_syscall
#= = 1$
stepi
print $rip == (long)handler && $rdi == 10 && handled == 20
#= = 1$
p/x $eflags & 0x100
#= = 0x0$
backtrace 2
#= ^#1  <signal handler called>$
# Selectors in the signal's frame, 18 words into gregs of the ucontext.
p/x ((long *)$rdx)[5 + 18] & 0xffff0000ffff
#= = 0x33$
handle SIGUSR1 nostop noprint pass
continue
#= exited normally
# A signal by gdb.
set args idle
tbreak idle
run
#= ^Temporary breakpoint 3, idle
break handler
signal SIGUSR1
#= ^Breakpoint 4, handler \(sig=10\)
backtrace
#= ^#1  <signal handler called>$
#= ^#2  idle \(\) at \./target\.c
delete
up 2
next
print handled
#= = 10$
continue
#= exited normally
