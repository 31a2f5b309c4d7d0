# SPDX-License-Identifier: GPL-2.0
# Children: followed, kept beside the parent, caught at fork, vfork and exec.
set args children
set follow-fork-mode child
break child_work
run
#= ^\[Attaching after .* fork to child process
#= Breakpoint 1(\.[0-9]+)?, child_work \(n=2\)
backtrace
#= ^#0  child_work \(n=2\)
#= in children \(\) at \./target\.c
continue
#= exited with code 052\]
delete
set follow-fork-mode parent
inferior 1
catch fork
catch vfork
catch exec
run
#= ^Catchpoint 2 \(forked process [0-9]+\)
continue
#= ^Catchpoint 3 \(vforked process [0-9]+\)
backtrace
#= in children \(\) at \./target\.c
print result
#= = 42$
continue
#= exited normally
set follow-exec-mode same
delete 2 3
tbreak vfork
run
#= Temporary breakpoint 5.* vfork
set follow-fork-mode child
continue
#= is executing new program: .*/true
#= Catchpoint 4 \(exec'd .*true\)
continue
#= exited normally
