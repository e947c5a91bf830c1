kernel identity {
  memory 16384
  input x @ 0 : bf16[64,64]
  output x_0 @ 8192 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=8192)
}
