"""The solvers of the core."""

from __future__ import annotations

from ..spec import Spec
from ._common import COMPLEX, DEVICES, REAL, example


def _solver(name: str, summary: str, place: str, *references: str, dtypes: tuple[str, ...] = REAL + COMPLEX) -> Spec:
    return Spec(
        name=name,
        summary=summary,
        target=f"invkit.solvers.{place}",
        example=example("solvers", name),
        devices=DEVICES,
        dtypes=dtypes,
        dims=(2, 3),
        references=references,
    )


SPECS: list[Spec] = [
    _solver("gradient-descent", "Gradient descent with step 1/L.", "gradient.gradient_descent:GradientDescent"),
    _solver(
        "proximal-gradient",
        "Forward-backward splitting.",
        "gradient.proximal_gradient:ProximalGradient",
        "Combettes and Wajs (2005)",
    ),
    _solver("fista", "Accelerated proximal gradient.", "gradient.fista:FISTA", "Beck and Teboulle (2009)"),
    _solver(
        "restarted-fista",
        "FISTA whose momentum starts anew where it leads uphill.",
        "gradient.fista:RestartedFISTA",
        "O'Donoghue and Candes (2015)",
    ),
    _solver(
        "backtracking-fista",
        "FISTA with steps found by trial, for an unknown or loosely bounded Lipschitz constant.",
        "gradient.backtracking_fista:BacktrackingFISTA",
        "Beck and Teboulle (2009)",
    ),
    _solver(
        "armijo-gradient-descent",
        "Gradient descent with steps found by Armijo's test.",
        "gradient.line_search:ArmijoGradientDescent",
        "Armijo (1966)",
    ),
    _solver(
        "barzilai-borwein",
        "Gradient descent with Barzilai-Borwein steps and a nonmonotone line search.",
        "gradient.barzilai_borwein:BarzilaiBorwein",
        "Barzilai and Borwein (1988)",
        "Raydan (1997)",
    ),
    _solver(
        "landweber",
        "Landweber's iteration, linear or not, for stopping early.",
        "gradient.landweber:Landweber",
        "Landweber (1951)",
        "Engl, Hanke and Neubauer (1996)",
    ),
    _solver(
        "linearised-bregman",
        "The linearised Bregman iteration: a regulariser's minimum among the solutions of A x = y.",
        "gradient.linearised_bregman:LinearisedBregman",
        "Cai, Osher and Shen (2009)",
        "Lorenz, Schoepfer and Wenger (2014)",
    ),
    _solver("pdhg", "Primal-dual hybrid gradient.", "primal_dual.pdhg:PDHG", "Chambolle and Pock (2011)"),
    _solver(
        "pdhg-accelerated",
        "PDHG at O(1/N^2) for a strongly convex term.",
        "primal_dual.accelerated_pdhg:AcceleratedPDHG",
        "Chambolle and Pock (2011)",
    ),
    _solver(
        "pdhg-adaptive",
        "PDHG with steps that balance themselves.",
        "primal_dual.adaptive_pdhg:AdaptivePDHG",
        "Applegate et al. (2021)",
        "Goldstein, Li and Yuan (2015)",
    ),
    _solver(
        "pdhg-preconditioned",
        "PDHG with a step for each pixel and row.",
        "primal_dual.preconditioned_pdhg:PreconditionedPDHG",
        "Pock and Chambolle (2011)",
    ),
    _solver(
        "condat-vu",
        "Primal-dual splitting with a gradient step.",
        "primal_dual.condat_vu:CondatVu",
        "Condat (2013)",
        "Vu (2013)",
    ),
    _solver(
        "stochastic-pdhg",
        "PDHG with one random block in each step.",
        "primal_dual.stochastic_pdhg:StochasticPDHG",
        "Chambolle, Ehrhardt, Richtarik and Schoenlieb (2018)",
    ),
    _solver(
        "admm",
        "The alternating direction method of multipliers.",
        "splitting.admm:ADMM",
        "Boyd et al. (2011)",
    ),
    _solver(
        "douglas-rachford",
        "Splitting of two terms with proximal maps.",
        "splitting.douglas_rachford:DouglasRachford",
        "Lions and Mercier (1979)",
        "Eckstein and Bertsekas (1992)",
    ),
    _solver(
        "pdhg-linear-rate",
        "PDHG at a linear rate for strongly convex and smooth terms.",
        "primal_dual.accelerated_pdhg:LinearRatePDHG",
        "Chambolle and Pock (2011)",
    ),
    _solver(
        "conjugate-gradient",
        "Conjugate gradients on the normal equations of a quadratic.",
        "linear.conjugate_gradient:ConjugateGradient",
        "Hestenes and Stiefel (1952)",
    ),
    _solver(
        "cgls",
        "Conjugate gradients for least squares on the operator itself, without its normal operator.",
        "linear.cgls:CGLS",
        "Hestenes and Stiefel (1952)",
        "Bjorck (1996)",
    ),
    _solver(
        "newton-cg",
        "Newton's method with preconditioned conjugate gradients inside and an Armijo line search.",
        "newton.newton_cg:NewtonCG",
        "Nocedal and Wright (2006)",
        "Eisenstat and Walker (1996)",
    ),
    _solver(
        "primal-dual-newton",
        "Newton's method on primal and dual variables, for smoothed norms.",
        "newton.primal_dual_newton:PrimalDualNewton",
        "Chan, Golub and Mulet (1999)",
    ),
    _solver(
        "mlem",
        "Expectation maximisation for Poisson counts.",
        "subsets.mlem:MLEM",
        "Shepp and Vardi (1982)",
        dtypes=REAL,
    ),
    _solver(
        "osem",
        "Expectation maximisation over ordered subsets of the counts.",
        "subsets.osem:OSEM",
        "Hudson and Larkin (1994)",
        dtypes=REAL,
    ),
    _solver(
        "kaczmarz",
        "Block Kaczmarz: one block of equations after the other.",
        "subsets.kaczmarz:Kaczmarz",
        "Kaczmarz (1937)",
        "Elfving (1980)",
    ),
    _solver(
        "ordered-subsets",
        "Incremental proximal gradient over ordered subsets.",
        "subsets.ordered_subsets:OrderedSubsets",
        "Bertsekas (2011)",
        "Erdogan and Fessler (1999)",
    ),
    _solver(
        "stochastic-gradient",
        "Stochastic proximal gradient over the terms of a sum.",
        "subsets.stochastic_gradient:StochasticGradient",
        "Robbins and Monro (1951)",
        "Bottou, Curtis and Nocedal (2018)",
    ),
    _solver(
        "svrg",
        "Stochastic gradients whose variance goes to zero.",
        "subsets.svrg:SVRG",
        "Johnson and Zhang (2013)",
        "Xiao and Zhang (2014)",
    ),
]
