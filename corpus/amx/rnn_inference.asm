// Four blocks of 16x64 bytes, 64 bytes apart, times two tiles each, 64 bytes apart: the second tile of a pair is the first
// but one row.
kernel rnn_inference {
  memory 11456
  input t2 @ 0 : s8[1216]
  input t3 @ 1216 : s8[8192]
  output out @ 9408 : s32[2,256]
  tilezero(dst=0)
  tilezero(dst=1)
  for i in 0..4 {
    tileloadd(dst=2, addr=64*i, stride=64)
    tileloadd(dst=3, addr=2048*i + 1216, stride=64)
    tdpbusd(dst=0, src1=2, src2=3)
    tileloadd(dst=4, addr=2048*i + 1280, stride=64)
    tdpbusd(dst=1, src1=2, src2=4)
  }
  tilestored(addr=9408, stride=64, src=0)
  tilestored(addr=10432, stride=64, src=1)
}
