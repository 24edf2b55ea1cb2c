"""The built-in plugin ``core``: it announces the objects of this package through the hooks that any plugin uses."""

from __future__ import annotations

from .claims import BY_CONSTRUCTION, Claim
from .plugins.hookspecs import hookimpl
from .spec import Spec

CORE_API = (1, 0)

_DEVICES = ("cpu", "cuda")
_REAL = ("float32", "float64")
_COMPLEX = ("complex64", "complex128")
_EXAMPLES = "invkit.testing.examples"

_LINEAR = (
    Claim(property="linear", basis=BY_CONSTRUCTION),
    Claim(property="adjoint", basis=BY_CONSTRUCTION),
)
_CONVEX = (Claim(property="convex", basis=BY_CONSTRUCTION),)
_CONVEX_PROX = (*_CONVEX, Claim(property="prox", basis=BY_CONSTRUCTION))


@hookimpl
def invkit_operators() -> list[Spec]:
    return [
        _operator(
            "identity",
            "The identity on images of one shape.",
            "invkit.operators.identity:Identity",
            dtypes=_REAL + _COMPLEX,
            dims=(2, 3),
            claims=(*_LINEAR, Claim(property="unitary", basis=BY_CONSTRUCTION)),
        ),
        _operator(
            "dense",
            "A stored matrix, for small problems and as a reference in tests.",
            "invkit.operators.dense:Dense",
            dtypes=_REAL + _COMPLEX,
            dims=(2, 3),
        ),
        _operator(
            "finite-difference",
            "Forward differences along every spatial axis, zero across the far edge.",
            "invkit.operators.finite_difference:FiniteDifference",
            dtypes=_REAL + _COMPLEX,
            dims=(2, 3),
        ),
        _operator(
            "fourier",
            "Undersampled orthonormal Fourier transform, DC at index 0.",
            "invkit.operators.fourier:Fourier",
            dtypes=_COMPLEX,
            dims=(2, 3),
            role="fourier-sampling",
        ),
        _operator(
            "sense",
            "Undersampled Fourier transform of the image seen by each coil.",
            "invkit.operators.sense:sense",
            dtypes=_COMPLEX,
            dims=(2, 3),
            role="multi-coil-fourier",
        ),
        _operator(
            "coils",
            "Product with the sensitivity of each coil.",
            "invkit.operators.coils:Coils",
            dtypes=_COMPLEX,
            dims=(2, 3),
        ),
        _operator(
            "blur",
            "Convolution with a kernel.",
            "invkit.operators.blur:Blur",
            dtypes=_REAL + _COMPLEX,
        ),
    ]


@hookimpl
def invkit_regularisers() -> list[Spec]:
    squared = Claim(property="differentiable", basis=BY_CONSTRUCTION)
    return [
        _regulariser("l1", "Sum of absolute values.", "l1", _CONVEX_PROX),
        _regulariser("group-l1", "Sum of the lengths of the channel vectors.", "group_l1", _CONVEX_PROX),
        _regulariser("tv", "Isotropic total variation.", "total_variation", _CONVEX, "Rudin, Osher, Fatemi (1992)"),
        _regulariser("h1", "Half the squared length of the gradient.", "h1", (*_CONVEX, squared)),
        _regulariser("squared-l2", "Half the squared length of the image.", "squared_l2", (*_CONVEX_PROX, squared)),
        _regulariser("nonnegativity", "Zero if no pixel is negative, else infinity.", "nonnegativity", _CONVEX_PROX),
    ]


@hookimpl
def invkit_solvers() -> list[Spec]:
    return [
        _solver("gradient-descent", "Gradient descent with step 1/L.", "gradient_descent:GradientDescent"),
        _solver(
            "proximal-gradient",
            "Forward-backward splitting.",
            "proximal_gradient:ProximalGradient",
            "Combettes and Wajs (2005)",
        ),
        _solver("fista", "Accelerated proximal gradient.", "fista:FISTA", "Beck and Teboulle (2009)"),
        _solver("pdhg", "Primal-dual hybrid gradient.", "pdhg:PDHG", "Chambolle and Pock (2011)"),
        _solver(
            "conjugate-gradient",
            "Conjugate gradients on the normal equations of a quadratic.",
            "conjugate_gradient:ConjugateGradient",
            "Hestenes and Stiefel (1952)",
        ),
    ]


@hookimpl
def invkit_models() -> list[Spec]:
    return [
        _model("adjoint", "The adjoint of the operator: zero filling, plain backprojection.", "adjoint:Adjoint"),
        _model(
            "pseudo-inverse", "Least squares of minimal norm, by conjugate gradients.", "pseudo_inverse:PseudoInverse"
        ),
        _model("variational", "Minimise data fidelity plus regulariser.", "variational:Variational"),
    ]


@hookimpl
def invkit_datasets() -> list[Spec]:
    home = "invkit.data.datasets"
    return [
        Spec(name="ellipses", summary="Random ellipses, seeded.", target=f"{home}:Ellipses", devices=_DEVICES),
        Spec(name="shepp-logan", summary="The Shepp-Logan phantom.", target=f"{home}:SheppLogan", devices=_DEVICES),
        Spec(
            name="image",
            summary="An image read from a file.",
            target=f"{home}:ImageFile",
            devices=_DEVICES,
            dims=(2, 3),
        ),
        Spec(
            name="kspace",
            summary="Multi-coil k-space, fully sampled or not, read from a file.",
            role="multi-coil-fourier-input",
            target=f"{home}:KSpaceFile",
            devices=_DEVICES,
            dtypes=_COMPLEX,
            dims=(2, 3),
        ),
        Spec(
            name="photograph",
            summary="A photograph that scikit-image ships.",
            target=f"{home}:Photograph",
            devices=_DEVICES,
        ),
    ]


@hookimpl
def invkit_noises() -> list[Spec]:
    home = "invkit.data.noise"
    return [
        Spec(
            name="gaussian",
            summary="White real Gaussian noise.",
            target=f"{home}:Gaussian",
            devices=_DEVICES,
            dims=(2, 3),
        ),
        Spec(
            name="complex-gaussian",
            summary="White circular complex Gaussian noise.",
            target=f"{home}:ComplexGaussian",
            devices=_DEVICES,
            dtypes=_COMPLEX,
            dims=(2, 3),
        ),
        Spec(
            name="post-log-poisson",
            summary="Low-dose transmission noise: Poisson counts, then the logarithm.",
            target=f"{home}:PostLogPoisson",
            devices=_DEVICES,
        ),
    ]


@hookimpl
def invkit_rules() -> list[Spec]:
    return [
        _rule("gradient-descent", "Gradient descent converges for convex smooth functions.", "GRADIENT_DESCENT"),
        _rule("proximal-gradient", "Forward-backward splitting converges.", "PROXIMAL_GRADIENT"),
        _rule("fista-rate", "FISTA's objective converges like 1/k^2.", "FISTA_RATE"),
        _rule("pdhg-convergence", "PDHG converges to a saddle point if tau sigma |K|^2 <= 1.", "PDHG_CONVERGENCE"),
        _rule("conjugate-gradient-rate", "Conjugate gradients converge linearly.", "CONJUGATE_GRADIENT_RATE"),
    ]


def _operator(
    name: str,
    summary: str,
    target: str,
    *,
    dtypes: tuple[str, ...],
    dims: tuple[int, ...] = (2,),
    claims: tuple[Claim, ...] = _LINEAR,
    role: str = "",
) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=target,
        example=_example(name),
        role=role,
        devices=_DEVICES,
        dtypes=dtypes,
        dims=dims,
        claims=claims,
    )


def _regulariser(name: str, summary: str, factory: str, claims: tuple[Claim, ...], *references: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.functionals.regularisers:{factory}",
        example=_example(name),
        devices=_DEVICES,
        dtypes=_REAL + _COMPLEX if name != "nonnegativity" else _REAL,
        dims=(2, 3),
        claims=claims,
        references=references,
    )


def _solver(name: str, summary: str, place: str, *references: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.solvers.{place}",
        example=_example(name),
        devices=_DEVICES,
        dtypes=_REAL + _COMPLEX,
        dims=(2, 3),
        references=references,
    )


def _model(name: str, summary: str, place: str) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.models.{place}",
        example=_example(name),
        devices=_DEVICES,
        dtypes=_REAL + _COMPLEX,
        dims=(2, 3),
    )


def _rule(name: str, summary: str, constant: str) -> Spec:
    return Spec(name=name, summary=summary, target=f"invkit.guarantees.theorems:{constant}", devices=_DEVICES)


def _example(name: str) -> str:
    return f"{_EXAMPLES}:{name.replace('-', '_')}"
