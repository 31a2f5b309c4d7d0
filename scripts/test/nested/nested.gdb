# SPDX-License-Identifier: GPL-2.0
#
# Nest by order and not by luck. When sync_regs() is about to copy the frame of a process
# from the entry stack, deliver a #DB as the CPU does, for a breakpoint on what sync_regs()
# reads. $where is an instruction of its handler that is before kml_ist_enter() or behind
# kml_ist_exit(). There, send an NMI, and have its handler read an address that is absent:
# copy_from_kernel_nofault() in the place of nmi_handle().

set pagination off
set confirm off
set $count = 0
# Intel SDM 3A, 6.14.2 and 6.14.5: the frame on the stack of #DB, which is the third of
# the interrupt stacks in the TSS; those begin at its byte 36.
define deliver_db
  set $frame = *(unsigned long *)((unsigned long)&cpu_tss_rw + 36 + 2 * 8) - 40
  set *(unsigned long *)$frame = (unsigned long)$rip
  set *(unsigned long *)($frame + 8) = 0x10
  set *(unsigned long *)($frame + 16) = $eflags | 0
  set *(unsigned long *)($frame + 24) = (unsigned long)$rsp
  set *(unsigned long *)($frame + 32) = 0x18
  set $rsp = $frame
  set $rip = (unsigned long)asm_exc_debug
end
# pt_regs are at RDI where the handler begins, and at RSP where it ends.
define interrupted_sync_regs
  set $hit = *(unsigned long *)($arg0 + 128) == (unsigned long)sync_regs
end
while $count < 5
  tbreak *(unsigned long)sync_regs
  continue
  deliver_db
  tbreak *$where
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
