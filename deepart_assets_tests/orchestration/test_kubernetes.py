"""The jobs that steps become on Kubernetes, as its API receives them.

No cluster: the API is a server of this machine that checks each job against Kubernetes' schemas and
runs its command.
"""

import dagster as dg
import pytest
import yaml

from deepart_assets.errors import SettingsError, UnavailableError
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT

pytest.importorskip("dagster_k8s", reason="dagster-k8s is not installed: pip install -e '.[k8s]'")
pytest.importorskip("kubernetes_validate", reason="it is not installed: pip install -e '.[dev]'")

from deepart_assets_tests.conftest import instance_in
from deepart_assets_tests.orchestration.engines import (
    catalogue_three,
    check_the_others_went_on,
    events,
    failure,
    run_on,
)
from deepart_assets_tests.orchestration.kubernetes_api import serve

STEPS = ["predicted_masks", "subject_masks", "unfinished_paintings"]

EXECUTION = {
    "kind": "kubernetes",
    "namespace": "paintings",
    "image": "registry.example/deepart:1",
    "image_pull_policy": "IfNotPresent",
    "image_pull_secrets": ["registry"],
    "service_account": "deepart",
    "env": {"DEEPART_DATA": "s3://paintings/lake"},
    "env_secrets": ["aws"],
    "env_config_maps": ["endpoint"],
    "volumes": [{"name": "lake", "persistentVolumeClaim": {"claimName": "lake"}}],
    "volume_mounts": [{"name": "lake", "mountPath": "/lake"}],
    "cpu_steps": {"cpus": 0.5, "memory_gb": 1.5},
    "gpu_steps": {"cpus": 4, "gpus": 1, "memory_gb": 24},
    "steps": {"unfinished_paintings": {"cpus": 3}},
    "node_selector": {"pool": "cpu"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "gpu_node_selector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
    "gpu_tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}


@pytest.fixture
def api(tmp_path):
    with serve(tmp_path) as (running, kubeconfig):
        running.kubeconfig = kubeconfig
        yield running


@pytest.fixture
def catalogued(project, tmp_path):
    with instance_in(tmp_path / "dagster") as instance:
        catalogue_three(project, instance)
    return project


@pytest.fixture
def instance(api, tmp_path, catalogued):
    """One whose runs Kubernetes would start; it is what the steps' jobs inherit from."""
    launcher = {
        "module": "dagster_k8s",
        "class": "K8sRunLauncher",
        "config": {
            "job_namespace": "paintings",
            "service_account_name": "dagster",
            "instance_config_map": "dagster-instance",
            "dagster_home": "/opt/dagster/home",
            "postgres_password_secret": "dagster-postgresql-secret",
            "load_incluster_config": False,
            "kubeconfig_file": str(api.kubeconfig),
        },
    }
    with instance_in(tmp_path / "dagster", run_launcher=launcher) as made:
        yield made


def on_kubernetes(project, instance, only=STEPS, **more):
    return run_on(project, instance, {**EXECUTION, **more}, only)


def pod_of(job):
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    return pod, container


@pytest.mark.slow
def test_the_jobs_are_valid_and_ask_for_what_each_step_needs(catalogued, api, instance):
    with on_kubernetes(catalogued, instance) as result:
        check_the_others_went_on(catalogued, result, STEPS)

    for step in STEPS:
        job = api.job_of(step)
        assert job["spec"]["ttlSecondsAfterFinished"] == 86400
        assert job["spec"]["backoffLimit"] == 0  # Dagster starts it again, not Kubernetes
        pod, container = pod_of(job)
        assert pod["serviceAccountName"] == "deepart"
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        assert pod["restartPolicy"] == "Never"
        assert {"key": "spot", "operator": "Exists"} in pod["tolerations"]
        assert {"name": "lake", "persistentVolumeClaim": {"claimName": "lake"}} in pod["volumes"]
        assert {"name": "lake", "mountPath": "/lake"} in container["volumeMounts"]
        assert container["image"] == "registry.example/deepart:1"
        assert container["imagePullPolicy"] == "IfNotPresent"
        assert {"name": "DEEPART_DATA", "value": "s3://paintings/lake"} in container["env"]
        assert {"secretRef": {"name": "aws"}} in container["envFrom"]
        assert {"configMapRef": {"name": "endpoint"}} in container["envFrom"]

    pod, container = pod_of(api.job_of("predicted_masks"))
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "24576Mi"},
        "limits": {"memory": "24576Mi", "nvidia.com/gpu": "1"},
    }
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    assert EXECUTION["gpu_tolerations"][0] in pod["tolerations"]
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container["volumeMounts"]

    pod, container = pod_of(api.job_of("subject_masks"))
    assert container["resources"] == {
        "requests": {"cpu": "0.5", "memory": "1536Mi"},
        "limits": {"memory": "1536Mi"},
    }
    assert pod["nodeSelector"] == {"pool": "cpu"}
    assert pod["tolerations"] == EXECUTION["tolerations"]
    assert not any(each["name"] == "shared-memory" for each in pod["volumes"])

    _, container = pod_of(api.job_of("unfinished_paintings"))
    assert container["resources"]["requests"] == {"cpu": "3"}


@pytest.mark.slow
def test_a_step_that_no_node_is_found_for_fails_with_the_schedulers_reason(
    catalogued, api, instance, monkeypatch
):
    monkeypatch.setattr(
        "deepart_assets.dagster_internals.step_retries.HEALTH_CHECK_INTERVAL_SECONDS", 1
    )
    api.nowhere.add("predicted_masks")
    with on_kubernetes(catalogued, instance, ["predicted_masks"]) as result:
        assert events(result, "STEP_FAILURE") == ["predicted_masks"]
        assert not events(result, "STEP_UP_FOR_RETRY")
        reported = failure(result)
    assert "3 Insufficient nvidia.com/gpu" in reported and "execution.gpu_steps" in reported
    assert api.deleted, "the job would wait on"


def test_runs_that_are_not_on_kubernetes_themselves_are_refused(catalogued, tmp_path):
    with (
        instance_in(tmp_path / "dagster") as here,
        pytest.raises(UnavailableError, match=r"K8sRunLauncher in dagster\.yaml"),
    ):
        on_kubernetes(catalogued, here)


def test_what_kubernetes_does_not_know_is_named(catalogued, instance):
    wrong = [{"name": "lake", "persistentVolumeClam": {"claimName": "lake"}}]
    with pytest.raises(SettingsError, match="persistentVolumeClam"):
        on_kubernetes(catalogued, instance, volumes=wrong)


def test_the_helm_values_say_what_kubernetes_and_the_project_know():
    from dagster_k8s.container_context import K8sContainerContext

    values = yaml.safe_load((PROJECT / "docs" / "deployment" / "values.yaml").read_text())
    [deployment] = values["dagster-user-deployments"]["deployments"]
    # This is what the chart hands the code location, and the code location each run.
    names = ("env", "volumes", "volumeMounts", "envSecrets")
    given = {name: deployment[name] for name in names}
    context = K8sContainerContext.create_from_config(
        {
            "k8s": {
                "image_pull_policy": deployment["image"]["pullPolicy"],
                "env": given["env"],
                "volumes": given["volumes"],
                "volume_mounts": given["volumeMounts"],
                "env_secrets": [each["name"] for each in given["envSecrets"]],
            }
        }
    )
    [mount] = context.run_k8s_config.container_config["volume_mounts"]
    environment = {each["name"]: each["value"] for each in given["env"]}
    assert mount["mount_path"] == environment["DEEPART_CACHE"]
    settings = load_settings(environment["DEEPART_PROFILE"])
    assert settings.execution.kind == "kubernetes"
    # The chart's namespace is that of the jobs.
    text = (PROJECT / "docs" / "deployment" / "values.yaml").read_text()
    assert f"--namespace {settings.execution.namespace} " in text
    chart = text.split("--version ")[1].split()[0]
    assert chart == dg.__version__
