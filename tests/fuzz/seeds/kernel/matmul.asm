kernel matmul {
  memory 24576
  input a @ 0 : bf16[64,64]
  input b @ 8192 : bf16[64,64]
  output c @ 16384 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  load_rm(n=64, addr_in=8192, addr_out=64)
  gemm(addr_1=0, addr_2=64, addr_out=0)
  mov(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=16384)
}
