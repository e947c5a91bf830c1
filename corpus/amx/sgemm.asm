// Four steps of a product of f32: three vectors by eight numbers each step, the next numbers loaded while the last ones are in
// use; then an offset is added. Sums are in registers 8 to 31.
kernel sgemm {
  memory 5024
  input in @ 0 : f32[4,3,16]
  input z6_7 @ 768 : f32[5,2,4]
  input offset @ 928 : f32[32,16]
  output out @ 3488 : f32[24,16]
  for r in 8..32 {
    mm512_setzero(dst=r)
  }
  mm512_broadcast_mem(dst=6, addr=896)
  mm512_broadcast_mem(dst=7, addr=912)
  for i in 0..4 {
    for v in 0..3 {
      mm512_load(dst=v, addr=192*i + 64*v)
    }
    for j in 0..4 {
      for v in 0..3 {
        mm512_fmadd(dst=2*j + 8*v + 8, src1=v, src2=6)
      }
      mm512_broadcast_mem(dst=6, addr=32*j + 768)
      for v in 0..3 {
        mm512_fmadd(dst=2*j + 8*v + 9, src1=v, src2=7)
      }
      mm512_broadcast_mem(dst=7, addr=32*j + 784)
    }
  }
  for r in 8..32 {
    mm512_add_mem(dst=r, addr=64*r + 928, src2=r)
    mm512_store(addr=64*r + 2976, src=r)
  }
}
