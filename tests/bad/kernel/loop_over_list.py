import jax.numpy as jnp


def k(kernel, api):
    @kernel(hbm=32768,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[],
            output=[{'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def k_():
        for i in [0, 1]:
            api.load_rm(n = 64, addr_in = 0, addr_out = 0)
        api.store_rm(n = 64, addr_in = 0, addr_out = 8192)

    return k_
