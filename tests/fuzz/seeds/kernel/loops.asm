kernel k {
  memory 16384
  input x @ 0 : bf16[64,64]
  output y @ 8192 : bf16[64,64]
  for t in 0..4 {
    for u in 0..16 step 8 {
      load_rm(n=8, addr_in=2048*t + 128*u, addr_out=16*t + u)
    }
  }
  for t in 0..2 {
    store_rm(n=32, addr_in=32*t, addr_out=8192 + 4096*t)
  }
}
