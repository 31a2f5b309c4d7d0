# SPDX-License-Identifier: GPL-2.0
# Watchpoints in the debug registers: on writing, on reading, on both.
set args variables
set can-use-hw-watchpoints 1
break variables
run
watch watched
#= ^Hardware watchpoint 2: watched
continue
#= ^Hardware watchpoint 2: watched
#= ^Old value = 0$
#= ^New value = 5$
rwatch readme
#= ^Hardware read watchpoint 3: readme
continue
#= ^Hardware read watchpoint 3: readme
#= ^Value = 41$
awatch last_read
#= ^Hardware access \(read/write\) watchpoint 4: last_read
delete 3
continue
#= ^Hardware access \(read/write\) watchpoint 4: last_read
#= ^New value = 42$
# Writing 5 over 5 is none; 6 is one.
continue
#= ^Hardware watchpoint 2: watched
#= ^Old value = 5$
#= ^New value = 6$
# The kernel's own writes are not the process's.
delete
continue
#= exited normally
