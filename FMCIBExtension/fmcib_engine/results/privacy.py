"""Which columns of a user's table carry a patient's identity, by the keywords of the DICOM data dictionary.

The list is the part of DICOM PS3.15 table E.1-1 (Basic Application Level Confidentiality Profile) that names a person,
a visit, a date, or an object that a hospital's archive can look up. Age and sex are kept: studies need them.
"""

from __future__ import annotations

import re

_KEYWORDS = """
PatientName PatientID IssuerOfPatientID OtherPatientIDs OtherPatientNames OtherPatientIDsSequence PatientBirthName
PatientMotherBirthName PatientBirthDate PatientBirthTime PatientAddress PatientTelephoneNumbers
PatientTelecomInformation
PatientInsurancePlanCodeSequence MilitaryRank BranchOfService CountryOfResidence RegionOfResidence Occupation
PatientReligiousPreference EthnicGroup PatientComments AdditionalPatientHistory MedicalRecordLocator ResponsiblePerson
PatientState PersonName PersonAddress PersonTelephoneNumbers
AccessionNumber StudyID AdmissionID ServiceEpisodeID RequestedProcedureID PlacerOrderNumberImagingServiceRequest
FillerOrderNumberImagingServiceRequest
StudyInstanceUID SeriesInstanceUID SOPInstanceUID FrameOfReferenceUID
StudyDate SeriesDate AcquisitionDate ContentDate StudyTime SeriesTime AcquisitionTime ContentTime AcquisitionDateTime
AdmittingDate LastMenstrualDate DateOfSecondaryCapture
ReferringPhysicianName ReferringPhysicianAddress PhysiciansOfRecord PerformingPhysicianName OperatorsName
NameOfPhysiciansReadingStudy RequestingPhysician ConsultingPhysicianName
InstitutionName InstitutionAddress InstitutionalDepartmentName StationName DeviceSerialNumber
""".split()  # noqa: SIM905  a list of quoted words would be three times as long

_ALSO = ("mrn", "medicalrecordnumber", "ssn", "dob", "dateofbirth", "seriesuid", "studyuid", "sopuid")
"""What people call the same things in spreadsheets."""


def _normal(name: str) -> str:
    """`Patient's Name`, `PATIENTS_NAME`, `patient_name` and `PatientName` are one keyword."""
    return re.sub(r"[^a-z0-9]", "", name.lower()).replace("patients", "patient")


_IDENTIFYING = frozenset(map(_normal, _KEYWORDS)) | frozenset(_ALSO)


def is_identifying(column: str) -> bool:
    """Whether a column's name says that it identifies a patient. A prefix up to a dot or colon is ignored.

    >>> is_identifying("PatientID"), is_identifying("Patient's Birth Date"), is_identifying("dicom.StudyDate")
    (True, True, True)
    >>> is_identifying("malignancy"), is_identifying("PatientAge")
    (False, False)
    """
    return _normal(column) in _IDENTIFYING or _normal(re.split(r"[.:]", column)[-1]) in _IDENTIFYING
