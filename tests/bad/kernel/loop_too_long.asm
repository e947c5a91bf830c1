kernel k {
  memory 32768
  input x @ 0 : bf16[64,64]
  output y @ 8192 : bf16[64,64]
  for t in 0..4000000000 {
    load_rm(n=64, addr_in=0, addr_out=0)
  }
}
