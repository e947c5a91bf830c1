kernel saturated {
  memory 256
  input a @ 0 : s8[4,16]
  input b @ 64 : s8[16,4]
  input d @ 128 : s8[4,4]
  output c @ 144 : s8[4,4]
  mvin(rows=4, from=128, to=8)
  widen(rows=4, from=8, to=0)
  for k in 0..16 step 4 {
    for r in 0..4 {
      mvin(rows=1, from=k + 16*r, to=r)
    }
    mvin(rows=4, from=4*k + 64, to=4)
    matmul(a=0, b=4, c=0)
  }
  narrow(rows=4, from=0, to=0)
  mvout(rows=4, from=0, to=144)
}
