kernel product {
  memory 3328
  input A @ 0 : s8[64,16]
  input B @ 1024 : s8[16,16]
  input D @ 1280 : s8[64,16]
  output C @ 2304 : s8[64,16]
  dataflow_config(mode=0)
  mvin_spad(tiles=1, stride=16, hbm_addr=1024, sp_addr=0)
  for t in 0..4 {
    mvin_spad(tiles=1, stride=16, hbm_addr=256*t, sp_addr=16)
    mvin_spad(tiles=1, stride=16, hbm_addr=256*t + 1280, sp_addr=32)
    matmul_preload(rs1=32, rs2=48)
    compute_preloaded(rs1=16, rs2=0)
    mvout_spad(rows=16, stride=16, hbm_addr=256*t + 2304, sp_addr=48)
  }
}
