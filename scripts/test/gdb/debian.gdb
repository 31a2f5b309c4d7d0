# SPDX-License-Identifier: GPL-2.0
# Debian's programs as they are: ls, without symbols, in its C library.
# program: /bin/ls
set args -l /tests/target
set breakpoint pending on
set stop-on-solib-events 0
catch syscall openat
tbreak statx if (int)strcmp((char *)$rsi, "/tests/target") == 0
tbreak write
run
#= ^Catchpoint 1 \(call to syscall openat\)
backtrace 1
#= ld-linux-x86-64\.so\.2
print $rax
#= = -38$
continue
#= ^Catchpoint 1 \(returned from syscall openat\)
print (long)$rax == -2 || (long)$rax > 2
#= = 1$
delete 1
continue
#= Temporary breakpoint 2, .* in (__)?statx
info sharedlibrary
#= /lib64/ld-linux-x86-64\.so\.2$
#= /lib/x86_64-linux-gnu/libc\.so\.6$
finish
print (int)$rax
#= = 0$
continue
#= Temporary breakpoint 3, .* in (__)?(GI_)?(__libc_)?write
set $n = $rdx
backtrace 1
#= libc\.so\.6
finish
#= /tests/target$
print $rax == $n && $n > 40
#= = 1$
continue
#= exited normally
