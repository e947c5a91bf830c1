kernel gemm_784x1024x256 {
  memory 3674112
  input a @ 0 : s8[784,256]
  input b @ 200704 : s8[256,1024]
  output c @ 462848 : s32[784,1024]
  for io in 0..49 {
    for k in 0..16 {
      for r in 0..16 {
        mvin_spad(rows=1, cols=16, scale=1, hbm_addr=4096*io + 16*k + 256*r, sp_addr=256*io + 16*k + r)
      }
    }
  }
  for jo in 0..64 {
    for k in 0..16 {
      for r in 0..16 {
        mvin_spad(rows=1, cols=16, scale=1, hbm_addr=16*jo + 16384*k + 1024*r + 200704, sp_addr=16*k + r + 12544)
      }
    }
    for io in 0..49 {
      matmul32(I=16, J=16, K=16, C=0, A=256*io, B=12544)
      for k in 1..16 {
        mac32(I=16, J=16, K=16, C=0, A=256*io + 16*k, B=16*k + 12544, D=0)
      }
      for r in 0..16 {
        mvout_acc(rows=1, cols=16, hbm_addr=64*jo + 65536*io + 4096*r + 462848, acc_addr=r)
      }
    }
  }
}
