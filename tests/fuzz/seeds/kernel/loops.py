import jax.numpy as jnp


def k(kernel, api):
    @kernel(hbm=16384,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[],
            output=[{'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def k_():
        for t in range(4):
            for u in range(0, 16, 8):
                api.load_rm(n = 8, addr_in = 128 * (16 * t + u), addr_out = 16 * t + u)
        for t in range(2):
            api.store_rm(n = 32, addr_in = 32 * t, addr_out = 8192 + t * 4096)

    return k_
