import jax.numpy as jnp


# One product of two matrices.
def matmul(kernel, api):
    @kernel(hbm=24576,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16},
                   {'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[],
            output=[{'addr': 16384, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def matmul_():
        api.load_rm(n=64, addr_in=0, addr_out=0)
        api.load_rm(n=64, addr_in=8192, addr_out=64)
        api.gemm(addr_1=0, addr_2=64, addr_out=0)
        api.mov(n=64, addr_in=0, addr_out=0)
        api.store_rm(n=64, addr_in=0, addr_out=16384)

    return matmul_
