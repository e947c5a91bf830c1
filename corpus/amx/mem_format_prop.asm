// Fourteen numbers times two vectors, summed over four blocks, each sum in a register of its own (4 to 31).
kernel mem_format_prop {
  memory 2784
  input z0 @ 0 : f32[14,4]
  input z2_3 @ 224 : f32[4,2,16]
  output out @ 992 : f32[28,16]
  for r in 4..32 {
    mm512_setzero(dst=r)
  }
  for i in 0..4 {
    mm512_load(dst=3, addr=128*i + 288)
    mm512_load(dst=2, addr=128*i + 224)
    for j in 0..14 {
      mm512_broadcast_mem(dst=0, addr=16*j)
      mm512_fmadd(dst=31 - 2*j, src1=0, src2=3)
      mm512_fmadd(dst=30 - 2*j, src1=0, src2=2)
    }
  }
  for r in 4..32 {
    mm512_store(addr=64*r + 736, src=r)
  }
}
