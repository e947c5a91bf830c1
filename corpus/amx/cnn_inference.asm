// Two inputs of four overlapping blocks each, times the same two tiles a block: four accumulators.
kernel cnn_inference {
  memory 14720
  input t4 @ 0 : s8[1216]
  input t5 @ 1216 : s8[1216]
  input t6 @ 2432 : s8[8192]
  output out @ 10624 : s32[4,256]
  for t in 0..4 {
    tilezero(dst=t)
  }
  for i in 0..4 {
    tileloadd(dst=4, addr=64*i, stride=64)
    tileloadd(dst=6, addr=2048*i + 2432, stride=64)
    tileloadd(dst=7, addr=2048*i + 2496, stride=64)
    tdpbusd(dst=0, src1=4, src2=6)
    tileloadd(dst=5, addr=64*i + 1216, stride=64)
    tdpbusd(dst=1, src1=4, src2=7)
    tdpbusd(dst=2, src1=5, src2=6)
    tdpbusd(dst=3, src1=5, src2=7)
  }
  for t in 0..4 {
    tilestored(addr=1024*t + 10624, stride=64, src=t)
  }
}
