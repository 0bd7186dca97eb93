"""Forward and backward of R small transformers by hand, on recycled buffers.

The readable networks are :class:`dropout_utils.torch.VisionTransformer` and ``LanguageModel``; this one
computes the same (tests compare them) without autograd. What it saves:

- scale and shift of a layer norm are folded into the dense layer that follows, whose weights are small;
- the gradient of ReLU and of the dropout after it need no mask: where the activation came out positive,
  it passed both, and 1/(1 - p) is a factor of the weights;
- PyTorch's softmax and layer norm spend most of their time on the ends of rows as short as these (8 to 32
  numbers): spelled out, with the sums over rows as matrix products, they take a third;
- the products of each head, 8 × 8 or 16 × 16, go through NumPy: its BLAS spends less on each of them, and
  reads and writes heads where they lie, as slices of queries, keys and values;
- masks are drawn for all blocks at once, ready scaled;
- every result goes to a buffer of its own that the next step uses again, gradients to slices of one array.

Shapes: R replicas, B examples, T tokens, N = B · T rows, d width, H heads, e = d / H, f hidden units.
"""

from __future__ import annotations

import numpy as np
import torch

from dropout_utils.masks import Masker
from dropout_utils.torch.heads import by_number_kept
from dropout_utils.torch.transformer import LanguageModel, VisionTransformer, cut

_relu_backward = torch.ops.aten.threshold_backward.grad_input


class Noise:
    """Scaled masks of all sites for one step, in buffers that the next step overwrites.

    Each replica and site has a stream of its own: changing the rate of one site leaves the masks of the
    others as they were.

    Parameters
    ----------
    net : VisionTransformer with replicas
    batch : int
        B.
    streams : dict
        For each of the SITES, a list of R NumPy generators.
    """

    def __init__(self, net, batch, streams):
        R, L, T, d = net.replicas, len(net.blocks), net.tokens, net.position.shape[-1]
        H, f = net.blocks[0].attention.heads, net.blocks[0].feed_forward.inner.weight.shape[-1]
        self.dtype = {torch.float32: np.float32, torch.float64: np.float64}[net.position.dtype]
        self.streams, self.layers = streams, L
        shapes = {
            "attention": (R, L, batch, H, T, T),
            "attention_output": (R, L, batch, T, d),
            "feed_forward": (R, L, batch, T, f + d),
            "embedding": (R, batch, T, d),
            "heads": (R, L, batch, H),
            "paths": (R, L, 2, batch),
            "layers": (R, L),
        }
        self.maskers, self.arrays = {}, {}
        for site, p in net.rates.items():
            if np.any(p):
                rates = np.broadcast_to(p, (R,)).astype(np.float64)
                self.maskers[site] = Masker(shapes[site], rates, dtype=self.dtype, replicas=True)
                self.arrays[site] = np.empty(shapes[site], self.dtype)
        tensors = {site: torch.from_numpy(a) for site, a in self.arrays.items()}
        self.attention = tensors.get("attention")
        self.attention_output = tensors.get("attention_output")
        self.embedding = tensors.get("embedding")
        self.heads, self.paths, self.layers_kept = (tensors.get(s) for s in ("heads", "paths", "layers"))
        self.branches = None  # what multiplies the two residual branches of a block: (R, L, 2, B)
        if self.paths is not None or self.layers_kept is not None:
            self.branches = torch.ones(shapes["paths"], dtype=net.position.dtype)
        self.hidden = self.output = None
        if "feed_forward" in tensors:  # hidden activations first, then the output of the sub-layer
            n = batch * T
            both = tensors["feed_forward"].view(R, L, -1)
            self.hidden = both[..., : n * f].unflatten(-1, (batch, T, f))
            self.output = both[..., n * f :].unflatten(-1, (batch, T, d))

    def draw(self):
        """Draw fresh masks for a step."""
        for site, masker in self.maskers.items():
            masker.fill(self.streams[site], self.arrays[site])
        if self.heads is not None:
            self.heads.copy_(by_number_kept(self.heads))
        if self.paths is not None:
            self.branches.copy_(self.paths)
        if self.layers_kept is not None:  # whole layers are not scaled up: LayerDrop
            kept = (self.layers_kept != 0)[..., None, None]
            self.branches.mul_(kept) if self.paths is not None else self.branches.copy_(kept)
        return self

    def keep_masks(self, r=None):
        """The same as keep-masks, in the form that VisionTransformer.forward takes; of replica `r` alone."""
        pick = slice(None) if r is None else r
        found = {
            "attention": self.attention,
            "heads": self.heads,
            "attention_output": self.attention_output,
            "attention_path": None if self.paths is None else self.paths[:, :, 0],
            "feed_forward_path": None if self.paths is None else self.paths[:, :, 1],
            "feed_forward_hidden": self.hidden,
            "feed_forward_output": self.output,
        }
        found = {site: mask for site, mask in found.items() if mask is not None}
        blocks = [
            {site: (m[:, block] != 0)[pick] for site, m in found.items()} for block in range(self.layers)
        ]
        first = {"embedding": self.embedding, "layers": self.layers_kept}
        first = {site: (mask != 0)[pick] for site, mask in first.items() if mask is not None}
        return [first, *blocks]


class Engine:
    """Forward and backward passes of a VisionTransformer or LanguageModel with replicas.

    The parameters of `net` become slices of ``self.parameters`` (n,), their gradients of
    ``self.gradients``: one optimiser step of one array serves all replicas.
    """

    def __init__(self, net: VisionTransformer | LanguageModel):
        self.net, self.R = net, net.replicas
        self.causal = isinstance(net, LanguageModel)  # and logits for each token, not for their mean
        self.T, self.d = net.position.shape[-2:]
        self.H = net.blocks[0].attention.heads
        self.e = self.d // self.H
        parameters = list(net.parameters())
        with torch.no_grad():
            self.parameters = torch.cat([w.flatten() for w in parameters])
            self.gradients = torch.zeros_like(self.parameters)
            start, self._gradient = 0, {}
            for w in parameters:
                part = slice(start, start + w.numel())
                w.data = self.parameters[part].view(w.shape)
                self._gradient[id(w)] = self.gradients[part].view(w.shape)
                start = part.stop
        rates = torch.as_tensor(np.broadcast_to(net.rates.feed_forward, (self.R,)).copy())
        scale = torch.where(rates < 1, 1 / (1 - rates), 0.0).to(self.parameters.dtype)
        self.scale = scale.view(-1, 1, 1) if bool((rates > 0).any()) else None
        self._spaces = {}

    def gradient_of(self, w):
        """The gradient of a parameter of the net."""
        return self._gradient[id(w)]

    def patches(self, x):
        """Examples (N, features) as patches (N, T · patch), flat; tokens (N, T) as (N, T · vocabulary)."""
        if self.causal:
            return self.net.one_hot(x).flatten(1)
        return cut(x, self.net.shape, self.net.patch).flatten(-2).contiguous()

    @torch.no_grad()
    def forward(self, x, noise=None):
        """Return the logits of patches x (R, B, T · patch), and keep what backward needs.

        They are (R, B, classes), those of a language model (R, B · T, vocabulary).
        """
        R, T, d, e, net = self.R, self.T, self.d, self.e, self.net
        B = x.shape[1]
        N = B * T
        s = self._space(B)
        s.noise = noise
        s.x = x.view(R, N, -1)
        h = torch.baddbmm(net.embedding.bias, s.x, net.embedding.weight, out=s.h0)  # (R, N, d)
        h4 = h.view(R, B, T, d)
        h4.add_(net.position.unsqueeze(1))
        if noise is not None and noise.embedding is not None:
            h4.mul_(noise.embedding)
        for i, (block, b) in enumerate(zip(net.blocks, s.blocks, strict=True)):
            a = block.attention
            self._norm(h, b.u, b.rstd, block.attention_norm.eps, s)
            for j, part in enumerate((a.query, a.key, a.value)):
                own = slice(j * d, (j + 1) * d)
                _fold(block.attention_norm, part, b.W[..., own], b.b[..., own])
            b.W[..., :d] *= e**-0.5  # the scale of the scores, folded in as well
            b.b[..., :d] *= e**-0.5
            torch.baddbmm(b.b, b.u, b.W, out=b.qkv)
            np.matmul(b.q, b.k_T, out=s.scores_)  # (R·B, H, T, T)
            if self.causal:
                s.scores.add_(s.future)
            self._softmax(s.scores, b.P, s)
            if noise is not None and noise.attention is not None:
                torch.mul(b.P.view(R, B, -1, T, T), noise.attention[:, i], out=b.A)
                np.matmul(b.A_, b.v, out=b.o_)
            else:
                np.matmul(b.P_, b.v, out=b.o_)
            if noise is not None and noise.heads is not None:
                b.o.view(R, B, T, -1, e).mul_(noise.heads[:, i, :, None, :, None])
            h = self._add(h, b.o, a.output, noise, "attention_output", i, s.y, b.h1)

            self._norm(h, b.u1, b.rstd1, block.feed_forward_norm.eps, s)
            _fold(block.feed_forward_norm, block.feed_forward.inner, b.W1, b.b1)
            torch.baddbmm(b.b1, b.u1, b.W1, out=b.z)
            if noise is not None and noise.hidden is not None:
                b.z.view(R, B, T, -1).mul_(noise.hidden[:, i])
            b.z.relu_()  # masks are not negative: relu(z · m) = relu(z) · m
            h = self._add(h, b.z, block.feed_forward.outer, noise, "output", i, s.y, b.h2)
        self._norm(h, s.u, s.rstd, net.norm.eps, s)
        if not self.causal:
            torch.mean(s.u.view(R, B, T, d), 2, out=s.pooled)
        _fold(net.norm, net.head, s.W, s.b)
        return torch.baddbmm(s.b, s.pooled, s.W, out=s.logits)

    @torch.no_grad()
    def backward(self, dlogits):
        """Write the gradients of the last forward pass to ``self.gradients``."""
        R, T, d, e, net = self.R, self.T, self.d, self.e, self.net
        B = dlogits.shape[1] // (T if self.causal else 1)
        s = self._space(B)
        noise = s.noise
        self._unfold(net.norm, net.head, s.pooled, dlogits, s.dW, add=False)
        if self.causal:
            torch.bmm(dlogits, s.W.mT, out=s.du)
        else:
            du = torch.bmm(dlogits, s.W.mT).div_(T)  # (R, B, d)
            s.du.view(R, B, T, d).copy_(du.unsqueeze(2))
        dh = s.dh.zero_()
        self._norm_backward(s.u, s.rstd, s, dh)
        for i in reversed(range(len(net.blocks))):
            block, b = net.blocks[i], s.blocks[i]
            dy = self._back(dh, noise, "output", i, s.dy)
            outer = block.feed_forward.outer
            self._dense_gradient(outer, b.z, dy)
            W2 = outer.weight
            if noise is not None and noise.hidden is not None:
                W2 = W2 * self.scale
            torch.bmm(dy, W2.mT, out=s.dz)
            dz = _relu_backward(s.dz, b.z, 0, grad_input=s.dz)
            self._unfold(block.feed_forward_norm, block.feed_forward.inner, b.u1, dz, s.dW1)
            torch.bmm(dz, b.W1.mT, out=s.du)
            self._norm_backward(b.u1, b.rstd1, s, dh)

            a = block.attention
            dy = self._back(dh, noise, "attention_output", i, s.dy)
            self._dense_gradient(a.output, b.o, dy)
            torch.bmm(dy, a.output.weight.mT, out=s.du)
            if noise is not None and noise.heads is not None:
                s.du.view(R, B, T, -1, e).mul_(noise.heads[:, i, :, None, :, None])
            np.matmul(s.do, b.v_T, out=s.scores_)  # (R·B, H, T, T)
            if noise is not None and noise.attention is not None:
                s.scores.view(R, B, -1, T, T).mul_(noise.attention[:, i])
                np.matmul(b.A_T, s.do, out=s.dv)
            else:
                np.matmul(b.P_T, s.do, out=s.dv)
            self._softmax_backward(s.scores, b.P, s)
            np.matmul(s.scores_, b.k, out=s.dq)
            np.matmul(s.scores_T, b.q, out=s.dk)
            torch.bmm(b.u.mT, s.dqkv, out=s.dWqkv)
            db = s.dqkv.sum(1, keepdim=True)  # (R, 1, 3d)
            s.dWqkv[..., :d] *= e**-0.5
            db[..., :d] *= e**-0.5
            for j, part in enumerate((a.query, a.key, a.value)):
                own = slice(j * d, (j + 1) * d)
                self._unfold_given(block.attention_norm, part, s.dWqkv[..., own], db[..., own], add=j > 0)
            torch.bmm(s.dqkv, b.W.mT, out=s.du)
            self._norm_backward(b.u, b.rstd, s, dh)
        dh4 = dh.view(R, B, T, d)
        if noise is not None and noise.embedding is not None:
            dh4.mul_(noise.embedding)
        torch.sum(dh4, 1, out=self.gradient_of(net.position))
        self._dense_gradient(net.embedding, s.x, dh)
        return self.gradients

    def _norm(self, h, u, rstd, eps, s):
        """u = (h - mean) · rstd, with mean and variance over the features of each row."""
        rows, u, square = h.view(-1, self.d), u.view(-1, self.d), s.square.view(-1, self.d)
        torch.mm(rows, s.average, out=s.row)
        torch.sub(rows, s.row, out=u)
        torch.mul(u, u, out=square)
        torch.mm(square, s.average, out=rstd)
        rstd.add_(eps).rsqrt_()
        u.mul_(rstd)

    def _norm_backward(self, u, rstd, s, dh):
        """dh += rstd · (du - mean(du) - u · mean(du · u)); uses up s.du."""
        u, du, square = u.view(-1, self.d), s.du.view(-1, self.d), s.square.view(-1, self.d)
        torch.mul(du, u, out=square)
        torch.mm(square, s.average, out=s.row)
        square.copy_(du).addcmul_(u, s.row, value=-1)
        torch.mm(du, s.average, out=s.row)
        square.sub_(s.row)
        dh.view(-1, self.d).addcmul_(square, rstd)

    def _softmax(self, scores, P, s):
        """P = exp(scores) / sum, over the keys; uses up the scores."""
        scores, P = scores.view(-1, self.T), P.view(-1, self.T)
        if self.T >= 16:
            torch.softmax(scores, -1, out=P)
            return
        torch.amax(scores, -1, keepdim=True, out=s.query_row)
        torch.exp(scores.sub_(s.query_row), out=P)
        torch.mm(P, s.sum, out=s.query_row)
        P.div_(s.query_row)

    def _softmax_backward(self, dP, P, s):
        """dP becomes P · (dP - sum(P · dP))."""
        dP, P, product = dP.view(-1, self.T), P.view(-1, self.T), s.product.view(-1, self.T)
        torch.mul(dP, P, out=product)
        torch.mm(product, s.sum, out=s.query_row)
        dP.mul_(P).addcmul_(P, s.query_row, value=-1)

    def _add(self, h, x, layer, noise, site, i, y, out):
        """out = h + dropout(layer(x))."""
        torch.baddbmm(layer.bias, x, layer.weight, out=y)
        masks, branch = self._noise_at(noise, site, i)
        if branch is not None:
            y.mul_(branch)
        return torch.add(h, y, out=out) if masks is None else torch.addcmul(h, y, masks, out=out)

    def _back(self, dh, noise, site, i, out):
        masks, branch = self._noise_at(noise, site, i)
        for factor in (masks, branch):
            if factor is not None:
                dh = torch.mul(dh, factor, out=out)
        return dh

    def _noise_at(self, noise, site, i):
        """Masks (R, N, d) of the output of a sub-layer, and the factor (R, N, 1) of its branch, or None."""
        if noise is None:
            return None, None
        masks, branch = getattr(noise, site), None
        if noise.branches is not None:
            branch = noise.branches[:, i, 0 if site == "attention_output" else 1]  # (R, B)
            branch = branch.unsqueeze(-1).expand(-1, -1, self.T).reshape(self.R, -1, 1)
        return None if masks is None else masks[:, i].flatten(1, 2), branch

    def _dense_gradient(self, layer, x, dy):
        torch.bmm(x.mT, dy, out=self.gradient_of(layer.weight))
        torch.sum(dy, 1, keepdim=True, out=self.gradient_of(layer.bias))

    def _unfold(self, norm, layer, u, dy, dW, add=False):
        torch.bmm(u.mT, dy, out=dW)
        self._unfold_given(norm, layer, dW, dy.sum(1, keepdim=True), add=add)

    def _unfold_given(self, norm, layer, dW, db, *, add):
        """Gradients of a norm's scale g and shift c and a layer's W and b, from those of g·W and b + c W."""
        g, c, W = norm.weight, norm.bias, layer.weight
        out = self.gradient_of(W)
        torch.mul(dW, g.mT, out=out)
        torch.baddbmm(out, c.mT, db, out=out)
        dg = (dW * W).sum(-1).unsqueeze(1)  # (R, 1, in)
        dc = torch.bmm(db, W.mT)
        if add:
            self.gradient_of(g).add_(dg)
            self.gradient_of(c).add_(dc)
        else:
            self.gradient_of(g).copy_(dg)
            self.gradient_of(c).copy_(dc)
        if layer.bias is not None:
            self.gradient_of(layer.bias).copy_(db)

    def _space(self, B):
        if B not in self._spaces:
            self._spaces[B] = _Space(self, B)
        return self._spaces[B]


class _Space:
    """The buffers for batches of B examples."""

    def __init__(self, engine, B):
        R, T, d, H, net = engine.R, engine.T, engine.d, engine.H, engine.net
        N, dtype = B * T, engine.parameters.dtype
        f = net.blocks[0].feed_forward.inner.weight.shape[-1]
        classes = net.head.weight.shape[-1]

        def new(*shape):
            return torch.empty(shape, dtype=dtype)

        self.noise = None
        self.engine, self.B = engine, B
        self.h0, self.y, self.dy, self.du = new(R, N, d), new(R, N, d), new(R, N, d), new(R, N, d)
        self.dh, self.square, self.u, self.dqkv = new(R, N, d), new(R, N, d), new(R, N, d), new(R, N, 3 * d)
        self.row, self.rstd, self.query_row = new(R * N, 1), new(R * N, 1), new(R * N * H, 1)
        self.average, self.sum = torch.full((d, 1), 1 / d, dtype=dtype), torch.ones(T, 1, dtype=dtype)
        self.scores, self.product = new(R * B, H, T, T), new(R * B, H, T, T)
        self.scores_, self.scores_T = _both(self.scores)
        self.do = self._heads(self.du)[0]
        self.dq, self.dk, self.dv = self._heads(self.dqkv)
        self.dz, self.dW1, self.dWqkv = new(R, N, f), new(R, d, f), new(R, d, 3 * d)
        self.pooled = self.u if engine.causal else new(R, B, d)
        self.logits = new(R, N if engine.causal else B, classes)
        self.future = torch.full((T, T), -torch.inf, dtype=dtype).triu_(1)
        self.W, self.b, self.dW = new(R, d, classes), new(R, 1, classes), new(R, d, classes)
        self.blocks = []
        for _ in net.blocks:
            b = type("Block", (), {})()
            b.W, b.b, b.W1, b.b1 = new(R, d, 3 * d), new(R, 1, 3 * d), new(R, d, f), new(R, 1, f)
            b.P, b.A = new(R * B, H, T, T), new(R, B, H, T, T)
            (b.P_, b.P_T), (b.A_, b.A_T) = _both(b.P), _both(b.A.flatten(0, 1))
            b.u, b.qkv, b.o, b.h1 = new(R, N, d), new(R, N, 3 * d), new(R, N, d), new(R, N, d)
            b.q, b.k, b.v = self._heads(b.qkv)
            b.k_T, b.v_T = b.k.swapaxes(-1, -2), b.v.swapaxes(-1, -2)
            b.o_ = self._heads(b.o)[0]
            b.u1, b.z, b.h2 = new(R, N, d), new(R, N, f), new(R, N, d)
            b.rstd, b.rstd1 = new(R * N, 1), new(R * N, 1)
            self.blocks.append(b)

    def _heads(self, x):
        """Queries, keys and values in (R, N, 3d), or d alone, as NumPy views (R·B, H, T, e)."""
        engine = self.engine
        views = x.view(engine.R * self.B, engine.T, -1, engine.H, engine.e).numpy()
        return views.transpose(2, 0, 3, 1, 4)


def _both(x):
    """A tensor (..., T, S) as a NumPy view, and its transpose."""
    return x.numpy(), x.numpy().swapaxes(-1, -2)


def _fold(norm, layer, W, b):
    """Fold a norm's scale g and shift c into the layer that follows: g·W, and b + c W."""
    torch.mul(layer.weight, norm.weight.mT, out=W)
    if layer.bias is None:
        b.copy_(torch.bmm(norm.bias, layer.weight))
    else:
        b.copy_(torch.baddbmm(layer.bias, norm.bias, layer.weight))


def cross_entropy(logits, labels):
    """Return the loss of each replica (R,) in nats, and the gradient of its mean over the batch."""
    log_p = logits.log_softmax(-1)  # (R, B, classes)
    B = logits.shape[1]
    at = labels.unsqueeze(-1)
    loss = -log_p.gather(-1, at).squeeze(-1).mean(-1)
    gradient = log_p.exp_().div_(B)
    gradient.scatter_add_(-1, at, torch.full(at.shape, -1 / B, dtype=logits.dtype))
    return loss, gradient
