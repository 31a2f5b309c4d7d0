# SPDX-License-Identifier: GPL-2.0
#
# SYSCALL masks TF, so that a single step over it ends behind the system call. Some
# emulators (Bochs) report the step in the entry all the same. Have it so: set TF for the
# first instruction there, and clear it in the frame of the #DB that follows.

set pagination off
set confirm off
set $count = 0
while $count < 3
  tbreak *(unsigned long)entry_SYSCALL_64 if ($r11 & 0x100)
  continue
  set $eflags = $eflags | 0x100
  tbreak *(unsigned long)asm_exc_debug
  continue
  set *(unsigned long *)($rsp + 16) = *(unsigned long *)($rsp + 16) & ~0x100
  set $count = $count + 1
  printf "stepped %d\n", $count
end
printf "all done\n"
detach
quit
