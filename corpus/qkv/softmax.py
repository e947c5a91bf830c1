import jax.numpy as jnp


# Softmax alone: a product with the identity matrix brings its operand to the vector unit.
def softmax(kernel, api):
    @kernel(hbm=24576,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[{'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16, 'value': jnp.eye(64, dtype=jnp.bfloat16)}],
            output=[{'addr': 16384, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def softmax_():
        api.load_rm(n=64, addr_in=0, addr_out=0)
        api.load_rm(n=64, addr_in=8192, addr_out=64)
        api.gemm(addr_1=0, addr_2=64, addr_out=0)
        api.softmax(n=64, addr=0)
        api.mov(n=64, addr_in=0, addr_out=0)
        api.store_rm(n=64, addr_in=0, addr_out=16384)

    return softmax_
