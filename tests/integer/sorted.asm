kernel sorted {
  memory 384
  input x @ 0 : s32[8,4]
  input y @ 128 : s32[4,4]
  output low @ 192 : s32[4,4]
  output high @ 256 : s32[4,4]
  output sum @ 320 : s32[4,4]
  for t in 0..2 {
    load32(rows=8, from=0, to=16*t)
  }
  for t in 2..5 step 2 {
    load32(rows=4, from=128, to=8*t - 8)
  }
  load32(rows=4, from=128, to=12)
  for t in 0..2 {
    accumulate(rows=4, from=4*t, to=12)
  }
  scale(rows=4, factor=3, at=12)
  sort(rows=4, low=0, high=20)
  sort(rows=4, low=0, high=24)
  for t in 0..2 {
    sort(rows=4, low=-8*t + 16, high=20)
  }
  for r in 0..4 step 2 {
    store32(rows=2, from=r, to=16*r + 192)
    store32(rows=2, from=r + 20, to=16*r + 256)
    store32(rows=2, from=r + 12, to=16*r + 320)
  }
}
