# SPDX-License-Identifier: GPL-2.0
# A sleeping process is attached to, looked at, made to call a function, and let
# go; it sleeps on to the end as if nothing had been.
# start: /tests/target sleeper
backtrace
# libc may make the call in a function without a name.
#= ^#[01] .*clock_nanosleep
#= in sleeper \(more=[0-9]+\) at \./target\.c
#= in main \(
# 230 clock_nanosleep, or 219 restart_syscall.
print $orig_rax == 230 || $orig_rax == 219
#= = 1$
print square(12)
#= = 144$
print (int)getpid() == $started
#= = 1$
# What gdb had it do must not be taken for the interrupted system call.
print $orig_rax == 230 || $orig_rax == 219
#= = 1$
detach
#= ^\[Inferior 1 \(process [0-9]+\) detached\]
eval "attach %d", $started
info threads
#= ^\* 1 .* (clock_nanosleep|in \?\? \(\))
print total = 7
#= = 7$
detach
#= ^\[Inferior 1 \(process [0-9]+\) detached\]
# Printed when it has ended, by itself and in time.
#= ^slept: 0$
#= ^status 0 after 1[2-5] s$
