# SPDX-License-Identifier: GPL-2.0
#
# Nest by order and not by luck: $where is an instruction of the handler of #DB that is
# before kml_ist_enter() or behind kml_ist_exit(). When it has interrupted sync_regs(),
# whose frame is on the entry stack, send an NMI, and have its handler read an address
# that is absent: copy_from_kernel_nofault() in the place of nmi_handle().

set pagination off
set confirm off
set $count = 0
# pt_regs are at RDI where the handler begins, and at RSP where it ends.
define interrupted_sync_regs
  set $ip = *(unsigned long *)($arg0 + 128)
  set $hit = $ip >= (unsigned long)sync_regs && $ip < (unsigned long)sync_regs + 256
end
break *$where
while $count < 5
  continue
  if $at_end
    interrupted_sync_regs $rsp
  else
    interrupted_sync_regs $rdi
  end
  if $hit
    monitor nmi
    tbreak *(unsigned long)nmi_handle
    continue
    set $rip = (unsigned long)copy_from_kernel_nofault
    # Where nobody has anything: a failure writes 0 there.
    set $rdi = $rsp - 512
    set $rsi = 0xffff800000001000
    set $rdx = 8
    set $count = $count + 1
    printf "nested %d\n", $count
  end
end
delete
printf "all nested\n"
detach
quit
