// The products of cnn_inference, and beside each block three vectors that are scaled, shifted, bounded below, scaled again and
// rounded to bytes.
kernel cnn_inference_mix {
  memory 15888
  input t4 @ 0 : s8[1216]
  input t5 @ 1216 : s8[1216]
  input t6 @ 2432 : s8[8192]
  input max @ 10624 : f32[16]
  input z0 @ 10688 : f32[4]
  input z10 @ 10704 : f32[16]
  input z15 @ 10768 : f32[16]
  input avx_in @ 10832 : f32[4,3,16]
  output out1 @ 11600 : s32[4,256]
  output out2 @ 15696 : u8[4,3,16]
  mm512_load(dst=10, addr=10704)
  mm512_load(dst=15, addr=10768)
  mm512_setzero(dst=8)
  mm128_loadi(val=1132396544, dst=9)
  mm512_broadcast(dst=9, src=9)
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
    mm512_broadcast_mem(dst=0, addr=10688)
    for v in 0..3 {
      mm512_load(dst=v + 29, addr=192*i + 64*v + 10832)
      mm512_mul(dst=v + 29, src1=15, src2=v + 29)
      mm512_add(dst=v + 29, src1=10, src2=v + 29)
      mm512_max_mem(dst=v + 29, addr=10624, src2=v + 29)
      mm512_mul(dst=v + 29, src1=0, src2=v + 29)
      mm512_max(dst=v + 29, src1=v + 29, src2=8)
      mm512_min(dst=v + 29, src1=v + 29, src2=9)
      mm512_cvt_i32(dst=v + 29, src=v + 29)
      mm512_cvt_u8_store(addr=48*i + 16*v + 15696, src=v + 29)
    }
  }
  for t in 0..4 {
    tilestored(addr=1024*t + 11600, stride=64, src=t)
  }
}
