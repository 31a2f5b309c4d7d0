# SPDX-License-Identifier: GPL-2.0
# Debian's shell with children: a pipe, followed through vfork and exec. The child closes
# its end of the pipe before it ends, so that the shell waits for it when SIGCHLD comes.
# program: /bin/dash
set startup-with-shell on
set args -c 'n=$(echo six seven | /usr/bin/wc -w; exec >&-; sleep 1); exit $((n * 21))'
set follow-fork-mode parent
set breakpoint pending on
catch fork
catch signal SIGCHLD
run
#= ^Catchpoint 1 \(forked process [0-9]+\)
continue
#= ^Catchpoint 2 \(signal SIGCHLD\)
print $_siginfo.si_signo
#= = 17$
backtrace 1
#= libc\.so\.6
continue
#= exited with code 052\]
