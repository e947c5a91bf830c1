kernel gemm {
  memory 384
  input a @ 0 : s8[8,8]
  input b @ 64 : s8[8,8]
  output c @ 128 : s32[8,8]
  for i in 0..2 {
    for j in 0..2 {
      zero(to=0)
      for k in 0..2 {
        for r in 0..4 {
          mvin(rows=1, from=32*i + 4*k + 8*r, to=r)
          mvin(rows=1, from=4*j + 32*k + 8*r + 64, to=r + 4)
        }
        matmul(a=0, b=4, c=0)
      }
      for r in 0..4 {
        store32(rows=1, from=r, to=128*i + 16*j + 32*r + 128)
      }
    }
  }
}
