"""dropout_utils.torch.Dropout does all that torch.nn.Dropout does, and says where its masks come from."""

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import SOURCES, rng, source
from torch import nn

from dropout_utils import masks
from dropout_utils.numpy import dropout as numpy_dropout
from dropout_utils.torch import Dropout, dropout

CONTIGUOUS, CHANNELS_LAST = torch.contiguous_format, torch.channels_last
rates = st.sampled_from([0.0, 1e-6, 0.1, 1 / 3, 0.5, 0.9, 1.0])


# ---------------------------------------------------------------- what PyTorch asks of its own layer
@source
@pytest.mark.parametrize("memory_format", [CONTIGUOUS, CHANNELS_LAST])
@pytest.mark.parametrize("inplace", [False, True])
def test_mean_and_memory_format_are_kept_forward_and_backward(make, memory_format, inplace):
    # 9,600 values: the mean of kept 0.8s has standard deviation 0.004; 0.05 is 12 of them
    p = 0.2
    x = torch.full((4, 8, 15, 20), 1 - p).contiguous(memory_format=memory_format).requires_grad_()
    layer = Dropout(p, inplace, generator=make())
    y = layer(x + 0 if inplace else x)
    y.backward(torch.full_like(y, 1 - p))
    for found in (y.detach(), x.grad):
        assert found.is_contiguous(memory_format=memory_format)
        assert abs(found.mean() - (1 - p)) < 0.05


@source
@pytest.mark.parametrize("inplace", [False, True])
def test_evaluation_returns_the_input(make, inplace):
    x = torch.randn(5, 6)
    assert torch.equal(Dropout(0.7, inplace, generator=make()).eval()(x.clone()), x)


@source
def test_strides_are_kept_for_every_order_of_axes_and_every_slice(make):
    x = torch.ones(2, 3, 4, 5)
    for order in itertools.permutations(range(4)):
        back = [order.index(i) for i in range(4)]
        permuted = x.permute(order).contiguous().permute(back)
        for i, j in itertools.product((0, 1), repeat=2):
            for p in (1e-10, 0.3, 0.5, 0.7):
                part = permuted[i:, j:]
                y = Dropout(p, generator=make())(part)
                assert y.shape == part.shape
                assert y.permute(order).is_contiguous()
                if p == 1e-10:
                    assert torch.equal(y, part)
                else:
                    assert ((y == 0) | (y == 1 / (1 - torch.tensor(p)))).all()


@source
def test_discontiguous_input_is_dropped_like_any_other(make):
    x = torch.arange(1.0, 41).reshape(4, 10)[:, ::3].T
    y = Dropout(0.5, generator=make())(x)
    assert ((y == 0) | (y == 2 * x)).all()


@source
@pytest.mark.parametrize("memory_format", [CONTIGUOUS, CHANNELS_LAST])
@pytest.mark.parametrize("p", [0, 1e-10])
def test_gaps_in_the_memory_of_the_input_are_not_copied(make, memory_format, p):
    x = (
        torch.empty(2, 3, 3, 6)
        .contiguous(memory_format=memory_format)[..., ::2]
        .copy_(torch.ones(2, 3, 3, 3))
    )
    y = Dropout(p, generator=make())(x)
    assert torch.equal(x, y)
    assert p == 0 or y.is_contiguous(memory_format=memory_format)


@source
@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0, 2)])
def test_empty_input_gives_empty_output(make, shape):
    x = torch.empty(shape, requires_grad=True)
    y = Dropout(0.5, generator=make())(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == shape


@source
def test_p_zero_returns_the_values_and_p_one_returns_zeros(make):
    x = torch.randn(50, requires_grad=True)
    assert torch.equal(Dropout(0.0, generator=make())(x), x)
    y = Dropout(1.0, generator=make())(x)
    y.sum().backward()
    assert torch.equal(y, torch.zeros(50)) and torch.equal(x.grad, torch.zeros(50))


@source
@pytest.mark.parametrize("inplace", [False, True])
def test_p_one_gives_zeros_even_for_infinity_and_nan(make, inplace):
    x = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0])
    assert torch.equal(Dropout(1.0, inplace, generator=make())(x), torch.zeros(4))


def test_a_dropped_nan_below_p_one_stays_visible():
    x = torch.full((100,), torch.nan)
    assert Dropout(0.5, generator=rng())(x).isnan().all()


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), float("inf"), [0.1, 2.0]])
def test_a_rate_outside_of_0_and_1_is_a_ValueError(p):
    for call in (lambda: Dropout(p), lambda: dropout(torch.ones(2, 2), p)):
        with pytest.raises(ValueError, match=r"p.*must be a drop probability"):
            call()


@pytest.mark.parametrize("p", ["0.5", None, True, 1j])
def test_a_rate_that_is_no_number_is_a_TypeError(p):
    for call in (lambda: Dropout(p), lambda: dropout(torch.ones(2), p)):
        with pytest.raises(TypeError, match="p must be a drop probability"):
            call()


def test_the_rate_can_be_set_and_is_checked():
    layer = Dropout(0.1, generator=rng())
    layer.p = 1.0
    assert not layer(torch.ones(9)).any()
    with pytest.raises(ValueError, match="p must be"):
        layer.p = 1.5


def test_repr_names_rate_and_inplace_like_nn_Dropout():
    for p, inplace in itertools.product((0.5, 0.25), (False, True)):
        assert repr(Dropout(p, inplace)) == str(nn.Dropout(p, inplace))
    assert "3 rates" in repr(Dropout([0.1, 0.2, 0.3]))


@source
def test_inplace_writes_to_the_input(make):
    x = torch.ones(100)
    y = Dropout(0.5, inplace=True, generator=make())(x)
    assert y.data_ptr() == x.data_ptr() and torch.equal(x, y) and (x == 0).any()


@source
def test_inplace_at_p_one_leaves_zeros_in_the_input(make):
    x = torch.tensor([torch.inf, torch.nan, 1.0])
    y = Dropout(1.0, inplace=True, generator=make())(x)
    assert y.data_ptr() == x.data_ptr() and not x.any()


@source
def test_inplace_on_a_leaf_that_needs_a_gradient_is_refused(make):
    with pytest.raises(RuntimeError, match="leaf"):
        Dropout(0.5, inplace=True, generator=make())(torch.ones(3, requires_grad=True))


@source
def test_inplace_on_memory_shared_by_elements_is_refused(make):
    with pytest.raises(RuntimeError, match="single memory location"):
        Dropout(0.5, inplace=True, generator=make())(torch.ones(1).expand(3))


@source
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_the_dtype_is_kept(make, dtype):
    x = torch.ones(64, dtype=dtype)
    y = Dropout(0.5, generator=make())(x)
    assert y.dtype == dtype and ((y == 0) | (y == 2)).all() and (y == 0).any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_integers_are_refused(dtype):
    with pytest.raises(TypeError, match="x must have a floating dtype"):
        Dropout(0.5)(torch.ones(3, dtype=dtype))


def test_without_a_generator_the_numbers_are_those_of_nn_Dropout():
    x = torch.randn(100)
    torch.manual_seed(5)
    ours = Dropout(0.3)(x)
    torch.manual_seed(5)
    assert torch.equal(ours, nn.Dropout(0.3)(x))


@source
def test_gradients_agree_with_finite_differences(make):
    generator = make()
    state = copy.deepcopy(generator)
    layer = Dropout(0.4, generator=generator)

    def f(x):
        layer.generator = copy.deepcopy(state)
        torch.manual_seed(3)
        return layer(x)

    assert torch.autograd.gradcheck(f, torch.randn(4, 3, dtype=torch.float64, requires_grad=True))


# ---------------------------------------------------------------- as a module
def test_it_stands_where_nn_Dropout_stands():
    layer = Dropout(0.5)
    assert isinstance(layer, nn.Dropout) and not layer.state_dict() and not list(layer.parameters())
    net = nn.Sequential(nn.Linear(2, 2), Dropout(0.5, generator=rng()))
    net.load_state_dict(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).state_dict())


@source
@pytest.mark.parametrize("clone", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_with_the_same_masks(make, clone):
    layer = Dropout(0.5, generator=make())
    twin = clone(layer)
    torch.manual_seed(0)
    y = layer(torch.ones(100))
    torch.manual_seed(0)
    assert torch.equal(y, twin(torch.ones(100)))


def test_layers_that_share_a_generator_still_share_it_in_a_copy():
    for make in (SOURCES["torch"], SOURCES["numpy"]):
        generator = make()
        net = copy.deepcopy(
            nn.Sequential(Dropout(0.1, generator=generator), Dropout(0.5, generator=generator))
        )
        assert net[0].generator is net[1].generator is not generator


# ---------------------------------------------------------------- masks
@source
def test_every_call_and_every_example_gets_a_mask_of_its_own(make):
    # two masks of 200 units at p = 1/2 are equal with probability 2**-200
    layer = Dropout(0.5, generator=make())
    calls = [layer(torch.ones(8, 200)) for _ in range(5)]
    patterns = {tuple(row.tolist()) for y in calls for row in y}
    assert len(patterns) == 5 * 8


def test_a_layer_made_without_arguments_draws_anew_at_every_step():
    # the known bug: a default argument, evaluated once, would give all layers and steps one mask
    first, second = Dropout(), Dropout()
    drawn = {tuple(layer(torch.ones(200)).tolist()) for layer in (first, second) for _ in range(3)}
    assert len(drawn) == 6


@given(st.lists(st.integers(0, 7), min_size=1, max_size=4), rates, st.integers(0, 99))
def test_numpy_generators_give_the_masks_of_masks_py(shape, p, seed):
    y = Dropout(p, generator=rng(seed))(torch.ones(shape, dtype=torch.float64))
    keep = masks.keep_mask(shape, p, rng(seed))
    assert torch.equal(y != 0, torch.from_numpy(keep))
    assert ((y == 0) | (y == 1 / (1 - p if p < 1 else 1))).all()


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=3),
    rates,
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.integers(0, 99),
)
def test_a_given_mask_does_the_same_as_in_numpy(shape, p, dtype, transposed, seed):
    x = rng(seed).standard_normal(shape).astype(dtype)
    mask = rng(seed + 1).random(shape) < 0.5
    if transposed:
        x, mask = x.T, mask.T
    expected, _ = numpy_dropout(x, p, mask=mask)
    tensor = torch.from_numpy(x).requires_grad_()
    y = dropout(tensor, p, mask=mask)
    y.sum().backward()
    assert np.array_equal(y.detach().numpy(), expected)
    assert np.array_equal(tensor.grad.numpy(), numpy_dropout(np.ones_like(x), p, mask=mask)[0])


def test_a_mask_of_zeros_and_ones_of_any_kind_will_do_and_broadcasts():
    x, keep = torch.ones(3, 4), [True, False, True, True]
    expected = torch.tensor([2.0, 0, 2, 2]).expand(3, 4)
    for mask in (torch.tensor(keep), torch.tensor(keep).int(), np.array(keep), np.array(keep, np.float32)):
        assert torch.equal(dropout(x, 0.5, mask=mask), expected)
        assert torch.equal(dropout(x, 0.5, mask=mask, training=False), x)


@pytest.mark.parametrize("mask", [torch.tensor([0.0, 2.0]), torch.ones(3), torch.ones(2, 1, 2)])
def test_a_mask_that_does_not_fit_is_a_ValueError(mask):
    with pytest.raises(ValueError, match="mask must"):
        dropout(torch.ones(1, 2), 0.5, mask=mask)


def test_a_rate_and_a_generator_for_each_replica_keep_replicas_apart():
    p = [0.0, 0.3, 1.0]
    for shape in ((3, 5, 7), (3, 40)):
        together = Dropout(p, generator=[rng(r) for r in range(3)])(torch.ones(shape))
        alone = [Dropout(p[r], generator=rng(r))(torch.ones(shape[1:])) for r in range(3)]
        assert torch.equal(together, torch.stack(alone))


@pytest.mark.parametrize("make", [SOURCES["default"], SOURCES["torch"]])
def test_rates_of_replicas_work_with_pytorch_generators(make):
    y = Dropout(torch.tensor([0.0, 0.5, 1.0]), generator=make())(torch.ones(3, 400))
    assert (y[0] == 1).all() and ((y[1] == 0) | (y[1] == 2)).all() and not y[2].any()
    assert abs(y[1].mean() - 1) < 0.3  # six standard deviations


def test_rates_of_replicas_draw_from_the_given_pytorch_generator():
    one, two = (Dropout([0.3, 0.6], generator=SOURCES["torch"]())(torch.ones(2, 100)) for _ in range(2))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Dropout(0.5, generator=7), TypeError, "generator must be"),
        (lambda: Dropout(0.5, generator=np.random.RandomState(0)), TypeError, "generator must be"),
        (lambda: Dropout(0.5, generator=[1, 2]), TypeError, r"generator\[0\]"),
        (lambda: Dropout(0.5, inplace=1), TypeError, "inplace must be"),
        (lambda: dropout([1.0], 0.5), TypeError, "x must be a torch.Tensor"),
        (lambda: dropout(torch.ones(2), 0.5, training=None), TypeError, "training must be"),
        (lambda: dropout(torch.ones(2), [0.1] * 3), ValueError, "p must be"),
        (lambda: dropout(torch.ones(2), 0.5, generator=[rng()]), ValueError, "generator must be"),
        (lambda: dropout(torch.ones(2), 0.5, mask="keep"), TypeError, "mask must be"),
    ],
)
def test_a_bad_argument_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


@settings(max_examples=20)
@given(st.integers(2, 5), st.integers(0, 20))
def test_masks_do_not_depend_on_the_memory_layout_of_the_input(n, seed):
    x = torch.ones(n, 3, n + 1)
    flat = Dropout(0.5, generator=rng(seed))(x)
    permuted = Dropout(0.5, generator=rng(seed))(x.permute(2, 0, 1).contiguous().permute(1, 2, 0))
    assert torch.equal(flat, permuted)
