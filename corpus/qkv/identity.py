import jax.numpy as jnp


# Through the accelerator and back.
def identity(kernel, api):
    @kernel(hbm=16384,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[],
            output=[{'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def identity_():
        api.load_rm(n=64, addr_in=0, addr_out=0)
        api.store_rm(n=64, addr_in=0, addr_out=8192)

    return identity_
